from . import hooks
from .runner import explain_config_errors, register_required_hooks, save_whole_checkpoints

register_required_hooks()
explain_config_errors()
save_whole_checkpoints()

__all__ = ['explain_config_errors', 'hooks', 'register_required_hooks', 'save_whole_checkpoints']
