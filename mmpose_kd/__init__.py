"""Knowledge distillation for MMPose.

Importing the package registers its models, codecs, datasets and hooks in MMPose's registries; name it in a config's
``custom_imports``.
"""
from . import compat

compat.apply()

from . import codecs, datasets, engine, models  # noqa: E402
from .version import __version__  # noqa: E402

__all__ = ['__version__', 'codecs', 'compat', 'datasets', 'engine', 'models']
