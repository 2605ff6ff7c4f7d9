"""Sphinx: `make docs`."""
import re
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(DOCS), str(DOCS.parent)]

import model_zoo  # noqa: E402

import mmpose_kd  # noqa: E402

project = 'mmpose_kd'
author = copyright = 'The mmpose_kd contributors'
release = version = mmpose_kd.__version__

extensions = ['myst_parser', 'sphinx.ext.autodoc', 'sphinx.ext.napoleon', 'sphinx.ext.mathjax']
exclude_patterns = ['_build', 'notebooks', 'results']
html_theme = 'furo'
html_title = f'mmpose_kd {release}'

autodoc_member_order = 'bysource'
autodoc_typehints = 'none'  # the docstrings have them
autodoc_inherit_docstrings = False
napoleon_use_rtype = False
myst_heading_anchors = 3
myst_enable_extensions = ['dollarmath']

model_zoo.write(DOCS / 'zoo')


def relink(app, name: str, source: list) -> None:
    """Links to the READMEs of configs/, which the repository has, lead to their pages of the model zoo."""
    text = re.sub(r'\]\(\.\./configs/(\w+)/README\.md\)', r'](zoo/\1.md)', source[0])
    source[0] = text.replace('](../configs)', '](zoo/index.md)')


def setup(app) -> None:
    app.connect('source-read', relink)
