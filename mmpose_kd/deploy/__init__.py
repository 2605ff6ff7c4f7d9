from .student import deployed_config, export_student

__all__ = ['deployed_config', 'export_student']
