from .checkpoint import DistillCheckpointHook
from .teacher_metric import TeacherMetricHook

__all__ = ['DistillCheckpointHook', 'TeacherMetricHook']
