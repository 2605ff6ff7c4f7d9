"""One HTML page that needs no other file and no network."""
import base64
import hashlib
from pathlib import Path

from mmpose_kd.errors import ConfigError

FOLDER = Path(__file__).parent


def render(**content) -> str:
    """Fill ``page.html``.

    Whatever text comes from files is escaped; beside that, the page's content security policy lets the browser run
    nothing but ``page.js``, whose hash it names, and load nothing from anywhere.

    Args:
        **content: What the template shows, by its names.

    Returns:
        str: The page.

    Raises:
        ConfigError: Jinja2 is not installed.
    """
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
        from markupsafe import Markup
    except ImportError:
        raise ConfigError("a report needs Jinja2: pip install 'mmpose_kd[report]'") from None
    environment = Environment(loader=FileSystemLoader(str(FOLDER)), autoescape=True, undefined=StrictUndefined,
                              trim_blocks=True)
    script, style = (Markup((FOLDER / name).read_text(encoding='utf-8')) for name in ('page.js', 'page.css'))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.get_template('page.html').render(
        script=script, style=style, script_hash=f'sha256-{digest}', **content)
