from .folder import Limits, export_folder
from .student import deployed_config, deployed_student, take_student

__all__ = ['Limits', 'deployed_config', 'deployed_student', 'export_folder', 'take_student']
