from . import backbones, connectors, distillers, heads, losses, objectives  # noqa: F401
