from . import hooks
from .runner import (
    explain_config_errors,
    refuse_flexible_runner,
    register_required_hooks,
    save_whole_checkpoints,
)

register_required_hooks()
refuse_flexible_runner()
explain_config_errors()
save_whole_checkpoints()

__all__ = ['explain_config_errors', 'hooks', 'refuse_flexible_runner', 'register_required_hooks',
           'save_whole_checkpoints']
