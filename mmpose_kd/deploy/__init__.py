from .folder import Limits, export_folder
from .student import deployed_config, take_student

__all__ = ['Limits', 'deployed_config', 'export_folder', 'take_student']
