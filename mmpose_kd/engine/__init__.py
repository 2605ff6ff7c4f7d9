from . import hooks
from .runner import register_required_hooks

register_required_hooks()

__all__ = ['hooks', 'register_required_hooks']
