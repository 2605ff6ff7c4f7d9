from .multi_kd import MultiKDDistiller
from .schedules import Constant, Cosine, GaussianRamp, Linear, MultiStep, Progress, Stop, WarmUp, WeightSchedule
from .teacher import Teacher

__all__ = [
    'Constant', 'Cosine', 'GaussianRamp', 'Linear', 'MultiKDDistiller', 'MultiStep', 'Progress', 'Stop', 'Teacher',
    'WarmUp', 'WeightSchedule'
]
