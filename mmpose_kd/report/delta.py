"""What differs between two configs."""
import inspect
import itertools
import pprint
import re
from typing import Any, Iterator, List, Tuple

from mmengine.runner import Runner

_READ = tuple(inspect.signature(Runner).parameters)
_NOT_SAID = ('work_dir', 'randomness.seed', 'resume', 'launcher', 'experiment_name')
ABSENT = 'not there'


def config_delta(baseline: dict, config: dict) -> List[Tuple[str, str, str]]:
    """Keys whose values differ, of those that the Runner reads; what a config only defines for itself is left out.

    Args:
        baseline (dict): A config.
        config (dict): Another.

    Returns:
        list[tuple[str, str, str]]: Dotted key, its value in the baseline, its value in the config. A dict that only one
        of them has is one entry. Of absolute paths only the last part is compared and said, of checkpoints as much of
        the end as tells them apart. Seeds and places of work are left out.
    """
    read = [{key: value for key, value in cfg.items() if key in _READ} for cfg in (baseline, config)]
    texts = [(key, *_texts(key, old, new)) for key, old, new in _differences('', *read) if key not in _NOT_SAID]
    return [(key, old, new) for key, old, new in texts if old != new]


class _Absent:
    """What a config does not have."""


def _differences(place: str, old: Any, new: Any) -> Iterator[Tuple[str, Any, Any]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            yield from _differences(f'{place}.{key}' if place else str(key), old.get(key, _Absent),
                                    new.get(key, _Absent))
    elif isinstance(old, (list, tuple)) and isinstance(new, (list, tuple)) and len(old) == len(new):
        for i, (a, b) in enumerate(zip(old, new)):
            yield from _differences(f'{place}[{i}]', a, b)
    else:
        yield place, old, new


def _texts(key: str, old: Any, new: Any) -> Tuple[str, str]:
    """What is said of two values; checkpoints of one name are others where their folders are."""
    if key.split('.')[-1] in ('checkpoint', 'load_from') and isinstance(old, str) and isinstance(new, str):
        a, b = old.split('/'), new.split('/')
        same = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(reversed(a), reversed(b))))
        return repr('/'.join(a[-same - 1:])), repr('/'.join(b[-same - 1:]))
    return _text(old), _text(new)


def _text(value: Any) -> str:
    if value is _Absent:
        return ABSENT
    text = repr(value) if isinstance(value, str) else pprint.pformat(value, width=60, sort_dicts=False)
    return re.sub(r"'/[^']*/([^'/]*)'", r"'\1'", text)
