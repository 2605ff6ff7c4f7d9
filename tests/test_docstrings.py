"""The examples in docstrings run as they stand, and give what they say."""
import doctest
import importlib
import importlib.util
import pkgutil
from pathlib import Path

import pytest

import mmpose_kd


def refuse(package):
    raise ImportError(package)  # which walk_packages would leave out


def has_examples(module):
    return '>>>' in Path(importlib.util.find_spec(module).origin).read_text(encoding='utf-8')


MODULES = [info.name for info in pkgutil.walk_packages(mmpose_kd.__path__, 'mmpose_kd.', onerror=refuse)]


@pytest.mark.parametrize('module', filter(has_examples, MODULES))
def test_examples_run(module):
    result = doctest.testmod(importlib.import_module(module))
    assert result.attempted and not result.failed
