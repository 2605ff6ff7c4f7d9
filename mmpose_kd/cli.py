"""What the scripts in ``tools/`` share."""
import os
import re
import runpy
import signal
import sys
from argparse import ArgumentError, ArgumentParser, Namespace
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Optional, Sequence

import mmpose
from mmengine.config import DictAction

from .errors import ConfigError, did_you_mean, one_line

CONFIGS = Path(__file__).parent / '.mim' / 'configs'  # where an installation has them


class CfgOptions(DictAction):
    """MMEngine's ``--cfg-options KEY=VALUE``, with an error for what has no ``=``."""

    def __call__(self, parser: ArgumentParser, namespace: Namespace, values: Sequence[str],
                 option_string: Optional[str] = None) -> None:
        for value in values:
            if '=' not in value:
                raise ArgumentError(self, f'expected KEY=VALUE, got "{value}"')
        super().__call__(parser, namespace, values, option_string)


def run_mmpose_tool(name: str) -> None:
    """Run one of MMPose's own tools with the current command line, this package being registered.

    A :class:`ConfigError`, or an absent annotation file or image, ends the
    process with exit code 1 and a message instead of a traceback; ``MMPOSE_KD_DEBUG=1`` brings the traceback back.

    Args:
        name (str): File name of the tool, such as ``'train.py'``.
    """
    package = Path(mmpose.__file__).parent
    places = [package / '.mim' / 'tools' / name, package.parent / 'tools' / name]
    script = next((place for place in places if place.is_file()), None)
    if script is None:
        sys.exit(f'error: MMPose is installed without its tools: there is neither {places[0]} nor {places[1]}. '
                 'Reinstall mmpose, for instance with "mim install mmpose".')
    _check_options(sys.argv[1:])
    with _explained():
        runpy.run_path(str(script), run_name='__main__')


@contextmanager
def for_the_user(stopped: str = 'stopped') -> Iterator[None]:
    """End the process with a message in place of a traceback, as :func:`run_mmpose_tool` does, and when it is stopped.

    SIGTERM, and the end of the terminal or connection (SIGHUP, unless it is ignored, as under nohup), stop as Ctrl-C
    does, so that what is half-written goes away, and what was started ends.

    Args:
        stopped (str): What to say when it is stopped.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    for number, handler in before.items():
        if handler != signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
    try:
        with _explained():
            yield
    except (KeyboardInterrupt, Exception, SystemExit) as error:
        if not _came_of_a_stop(error):
            raise
        sys.exit(stopped)
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def _came_of_a_stop(error: Optional[BaseException]) -> bool:
    """Whether a KeyboardInterrupt is behind an error; MMEngine makes a SyntaxError of one while it writes a config."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error is not None


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # MMPose raises an error of the kind that it met when it read an image
        message = _message(error)
        if message is None or os.environ.get('MMPOSE_KD_DEBUG') == '1':
            raise
        sys.exit(f'error: {message}')


def _check_options(words: Sequence[str]) -> None:
    """End the process where ``--cfg-options`` has something without ``=``, at which MMEngine stumbles."""
    options = False
    for word in words:
        if word.startswith('--'):
            options = word == '--cfg-options'
        elif options and '=' not in word:
            sys.exit(f'error: --cfg-options: expected KEY=VALUE, got "{word}"')


def find_config(name: str) -> str:
    """The path of a config: a file, or the name of a shipped one, as ``mim train`` takes it.

    Args:
        name (str): Path, or name with or without ``.py``.

    Returns:
        str: The path.

    Raises:
        ConfigError: There is no such file, and no shipped config of that name.
    """
    if Path(name).is_file() or '::' in name:
        return name
    shipped = {path.stem: path for path in CONFIGS.rglob('*.py')}
    stem = name.removesuffix('.py')
    if stem not in shipped:
        raise ConfigError(f'there is no config file "{Path(name).absolute()}", and no shipped config of that name.'
                          f'{did_you_mean(stem, shipped)} "mim search mmpose_kd --valid-config" lists them.')
    return str(shipped[stem])


# what to say where an error has a phrase of MMEngine or PyTorch; {} is its text in one line
_SAID = {
    'cannot inherit from base': 'the config cannot be read: {}',  # and what to do: _delete_=True
    '`self._train_loop` should not be None':
        'the config has no train_dataloader, train_cfg and optim_wrapper: a training needs all three.',
    '`self._test_loop` should not be None':
        'the config has no test_dataloader, test_cfg and test_evaluator: a test needs all three. To test on the '
        'validation set, add test_dataloader = val_dataloader, test_cfg = dict(), test_evaluator = val_evaluator.',
    'PytorchStreamReader': 'the checkpoint is damaged, or is none: {}',
}


def _message(error: Exception) -> Optional[str]:
    """What to say instead of a traceback; None where the error is not about the config or the data."""
    if isinstance(error, ConfigError):
        return str(error)
    said = next((text for phrase, text in _SAID.items() if phrase in str(error)), None)
    if said is not None:
        return said.replace('{}', one_line(error))
    return _of_data(error) or (one_line(error) if isinstance(error, (FileNotFoundError, PermissionError)) else None)


def _of_data(error: Exception) -> Optional[str]:
    """What to say of an annotation file or an image; None where the error is about neither."""
    absent = re.search(r'(Annotation file `(.+?)`\s*does not exist)|(No such file or directory: .*occurs when loading '
                       r'`(.+?)`)', str(error), re.DOTALL)
    if absent is None:
        damaged = re.search(r'occurs when loading `(.+?)`', str(error))
        return damaged and (f'the image "{os.path.abspath(damaged[1])}" cannot be read: it is empty, damaged or no '
                            'image. Restore the file, or take its annotations out of the annotation file.')
    kind, path = ('annotation file', absent.group(2)) if absent.group(2) else ('image', absent.group(4))
    key = 'ann_file' if kind == 'annotation file' else 'data_prefix'
    return (f'the {kind} "{os.path.abspath(path)}" does not exist. It comes from data_root and {key} of a dataset: '
            'correct them in the config, or by --cfg-options at the place of that set: '
            'train_dataloader.dataset.data_root=..., in a ViewDataset train_dataloader.dataset.dataset.data_root=..., '
            'first in a CombinedDataset train_dataloader.dataset.datasets.0.data_root=..., and the same for '
            'val_dataloader and test_dataloader.')
