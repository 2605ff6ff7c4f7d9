from .checkpoint import DistillCheckpointHook
from .first_stage import FirstStageHook
from .teacher_metric import TeacherMetricHook

__all__ = ['DistillCheckpointHook', 'FirstStageHook', 'TeacherMetricHook']
