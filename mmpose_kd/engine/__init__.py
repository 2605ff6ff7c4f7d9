from . import hooks
from .runner import explain_config_errors, register_required_hooks

register_required_hooks()
explain_config_errors()

__all__ = ['explain_config_errors', 'hooks', 'register_required_hooks']
