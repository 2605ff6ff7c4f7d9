from .checkpoint import DistillCheckpointHook
from .first_stage import FirstStageHook
from .guard import TrainingGuardHook
from .last_validation import LastValidationHook
from .teacher_metric import TeacherMetricHook
from .visualization import DistillVisualizationHook
from .whole_checkpoint import WholeCheckpointHook

__all__ = [
    'DistillCheckpointHook', 'DistillVisualizationHook', 'FirstStageHook', 'LastValidationHook', 'TeacherMetricHook',
    'TrainingGuardHook', 'WholeCheckpointHook'
]
