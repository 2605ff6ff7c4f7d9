"""What a study file says."""
import copy
import hashlib
import json
import re
import zlib
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

from mmengine.config import Config

from mmpose_kd.config import check_model, load_config, merge_options, read_config
from mmpose_kd.errors import ConfigError, check_count, did_you_mean
from mmpose_kd.models.distillers.teachers import absolute_paths, teachers_by_name
from mmpose_kd.parts import dicts, kind_of

_KEYS = dict(runs=dict, seeds=(list, tuple), baseline=str, metrics=dict, cfg_options=dict, title=str)
_RUN_KEYS = dict(config=str, cfg_options=dict, seeds=(list, tuple), label=str, baseline=str)
_FORMS = {dict: 'a dict', (list, tuple): 'a list', str: 'a string'}
_OURS = {
    'randomness.seed': 'a run has the seeds of the study; list it under seeds',
    'work_dir': 'a run trains in a folder of the study; choose that by --out',
    'resume': 'what was stopped is resumed by itself'
}
_PLACE = re.compile(r'\{checkpoint:([^}]+)\}')


@dataclass(frozen=True, eq=False)
class Run:
    """One training: a config with some options, and a seed.

    Attributes:
        name (str): Its name in the study.
        label (str): What tables call it.
        seed (int): The seed of weights, order and augmentation.
        config (Path): The config file.
        options (list[dict]): What changes in it, by dotted key: for every run of the study, then for this one.
            ``'{checkpoint:NAME}'`` stands for what another run leaves.
        needs (tuple[Run]): The runs whose checkpoints it names.
        baseline (str): Name of the run that it is compared with.
    """
    name: str
    label: str
    seed: int
    config: Path
    options: List[Dict[str, Any]]
    needs: tuple = ()
    baseline: str = ''

    @property
    def folder(self) -> str:
        """Where it trains, below the study's folder."""
        return f'runs/{self.name}/seed_{self.seed}'

    def cfg(self, checkpoints: Optional[Dict[str, str]] = None) -> Config:
        """The config with the options, as it was when the study was read: its file may be edited while others train.

        Args:
            checkpoints (dict[str, str], optional): Files of the runs that this one needs, by name; without them their
                places stay as they are in the study file.
        """
        cfg = copy.deepcopy(self._as_read)
        for options in (*self.options, {'randomness.seed': self.seed}):
            filled = _map_texts(
                lambda text: _PLACE.sub(lambda match: (checkpoints or {}).get(match[1], match[0]), text), options)
            merge_options(cfg, filled, str(self.config))
        check_model(cfg)
        absolute_paths(cfg.model.get('teacher'), str(self.config.parent))
        return cfg

    @cached_property
    def _as_read(self) -> Config:
        return read_config(self.config)

    @cached_property
    def _unfilled(self) -> Config:
        return self.cfg()

    @property
    def epochs(self) -> int:
        """How long it trains."""
        return self._unfilled.train_cfg.max_epochs

    def check(self, where: str) -> None:
        """Refuse a config that cannot be read, or does not train by epochs; ``where`` names the run."""
        try:
            cfg = self._unfilled
        except ConfigError as error:
            raise ConfigError(f'{where}: {error}') from error
        if 'max_epochs' not in (cfg.get('train_cfg') or {}):
            raise ConfigError(f'{where}: "{self.config}" has no train_cfg.max_epochs, and a study trains by epochs.')
        check_count(f'{where}: train_cfg.max_epochs', cfg.train_cfg.max_epochs)
        if any(kind_of(hook) == 'EarlyStoppingHook' for hook in cfg.get('custom_hooks') or ()):
            raise ConfigError(f'{where}: custom_hooks has an EarlyStoppingHook, but a study compares runs of the '
                              'lengths that it says. Drop the hook.')
        _check_logged(cfg, where)

    def hash(self) -> str:
        """Twelve characters that change with anything in its config or in those of the runs that it needs.

        Of absolute paths, of a teacher's and of those below a data_root only the last part counts, so that data,
        teachers and this package may lie elsewhere.
        """
        cfg = self._unfilled.to_dict()
        roots = {str(part['data_root']).rstrip('/') for _, part in dicts(cfg) if part.get('data_root')}
        cfg = _map_texts(
            lambda text: Path(text).name if any(f'{text}/'.startswith(f'{root}/') for root in roots) else text, cfg)
        for teacher in teachers_by_name(cfg['model'].get('teacher')).values():
            for key in ('config', 'checkpoint', 'cache'):  # relative ones too
                if isinstance(teacher.get(key), str):
                    teacher[key] = Path(teacher[key]).name
        text = without_folders(json.dumps(cfg, sort_keys=True, default=str))
        return hashlib.sha256(' '.join([text, *(run.hash() for run in self.needs)]).encode()).hexdigest()[:12]

    def files(self) -> Dict[str, str]:
        """Checksums of the weights that it begins with, of its annotations and of its teachers' models, as far as the
        files exist: their paths may change.
        """
        cfg = self._unfilled.to_dict()
        teachers = teachers_by_name(cfg['model'].get('teacher'))
        named: Dict[str, Any] = {'load_from': cfg.get('load_from')}
        named.update({f'{name} checkpoint': teacher.get('checkpoint') for name, teacher in teachers.items()})
        named.update({f'{place[1:]}.checkpoint': part.get('checkpoint') for place, part in dicts(cfg)
                      if kind_of(part) == 'Pretrained'})
        named.update({f'{place[1:]}.ann_file': str(Path(part.get('data_root') or '', part['ann_file']))
                      for place, part in dicts(cfg) if isinstance(part.get('ann_file'), str)})
        return {**checksums(named), **self._models}

    @cached_property
    def _models(self) -> Dict[str, str]:
        """Checksums of its teachers' models, whose configs take time to read."""
        teachers = teachers_by_name(self._unfilled.model.get('teacher'))
        return {f'{name} config': _checksum_of_model(teacher['config'])
                for name, teacher in teachers.items() if _is_file(teacher.get('config'))}


def _check_logged(cfg: Config, where: str) -> None:
    """Refuse what would log metrics where no study finds them, which shows after a training that then is lost."""
    if cfg.get('visualizer') and not any(
            kind_of(backend) == 'LocalVisBackend' for backend in cfg.visualizer.get('vis_backends') or ()):
        raise ConfigError(f'{where}: visualizer.vis_backends has no LocalVisBackend, whose file a study reads metrics '
                          "from. Add dict(type='LocalVisBackend') to it.")
    logger = (cfg.get('default_hooks') or {}).get('logger', {})
    if logger is None or not logger.get('log_metric_by_epoch', True):
        raise ConfigError(f'{where}: default_hooks.logger={logger!r} logs no metrics by epoch, as a study reads them. '
                          "Set it to dict(type='LoggerHook').")


def checksums(named: Dict[str, Any]) -> Dict[str, str]:
    """A checksum for the name of each path that is a file."""
    return {name: _checksum(str(path), Path(path).stat().st_mtime_ns) for name, path in named.items() if _is_file(path)}


def _is_file(path: Any) -> bool:
    return isinstance(path, (str, Path)) and Path(path).is_file()


@cache
def _checksum(path: str, changed: int) -> str:
    return f'{zlib.crc32(Path(path).read_bytes()):08x}'


def _checksum_of_model(config: str) -> str:
    model = load_config(config).model.to_dict()
    return f'{zlib.crc32(without_folders(json.dumps(model, sort_keys=True, default=str)).encode()):08x}'


@dataclass(frozen=True)
class Plan:
    """A study: its runs, in the order in which they are trained, and how they are compared.

    Attributes:
        title (str): Headline of the report.
        runs (list[Run]): All seeds of all runs: the first seed of every run comes before the second of any.
        baseline (str): Name of the run that the others are compared with, where they name no other.
        metrics (dict[str, str]): Names in tables by the names that the evaluator logs.
    """
    title: str
    runs: List[Run]
    baseline: str
    metrics: Dict[str, str] = field(default_factory=dict)

    def names(self) -> List[str]:
        """Names of the runs in the order of the study file."""
        return list(dict.fromkeys(run.name for run in self.runs))


def load_plan(path: str) -> Plan:
    """Read a study file: Python or YAML in MMEngine's config syntax.

    ::

        title = 'ResNet-18 on LSPET'
        seeds = [0, 1, 2]
        baseline = 'alone'
        metrics = dict(PCK='PCK@0.2', AUC='AUC')    # as logged = as in the table; the first is plotted
        cfg_options = {'train_cfg.max_epochs': 20}  # for every run
        runs = dict(
            teacher=dict(config='../configs/teachers/hrnet-w32_simdr_lspet-64x64.py', seeds=[0]),
            alone=dict(config='../configs/students/resnet18-w16_simdr_lspet-64x64.py'),
            kd=dict(
                config='kd.py',
                label='KD',
                baseline='alone',
                cfg_options={'model.teacher.checkpoint': '{checkpoint:teacher}'}))

    Args:
        path (str): The file. Configs are looked for relative to it.

    Returns:
        Plan: The study.

    Raises:
        ConfigError: A key is missing, unknown or of another type, a config cannot be read, or a checkpoint of an
            unknown run is asked for.
    """
    if not Path(path).is_file():
        raise ConfigError(f'study file "{path}" does not exist.')
    return plan_of(read_config(path).to_dict(), path)


def plan_of(study: Dict[str, Any], path: str) -> Plan:
    """A study from what its file says, as :func:`load_plan` reads it.

    Args:
        study (dict): The file's content.
        path (str): The file: its folder is where configs are looked for, and errors name it.

    Returns:
        Plan: The study.

    Raises:
        ConfigError: As of :func:`load_plan`.
    """
    _check_study(study, path)
    by_name: Dict[str, List[Run]] = {}
    for name, entry in study['runs'].items():
        by_name[name] = _seeds_of(name, entry, study, path, by_name)
        by_name[name][0].check(f'{path}: runs.{name}')
    for name, runs in by_name.items():
        _check_pairs(runs, by_name[runs[0].baseline], f'{path}: runs.{name}')
    rounds = max(len(runs) for runs in by_name.values())
    ordered = [runs[i] for i in range(rounds) for runs in by_name.values() if i < len(runs)]
    return Plan(study.get('title', Path(path).stem), ordered, study['baseline'], study['metrics'])


def _check_study(study: Dict[str, Any], path: str) -> None:
    """Refuse what has no place in a study file, or is missing in it."""
    _check_keys(study, _KEYS, path)
    for key in ('runs', 'seeds', 'baseline', 'metrics'):
        if not study.get(key):
            raise ConfigError(f'{path}: {key} is not given or empty.')
    for key, title in study['metrics'].items():
        if not isinstance(key, str) or not isinstance(title, str):
            raise ConfigError(f'{path}: metrics: {key!r}: {title!r} given, expected a name in the log and what tables '
                              'call it, both as text.')
    for name, entry in study['runs'].items():
        if not isinstance(name, str):
            raise ConfigError(f'{path}: runs.{name}: a run\'s name is a text, got the {type(name).__name__} {name}. '
                              'Put it in quotes.')
        _check_keys(entry, _RUN_KEYS, f'{path}: runs.{name}')
        if not entry.get('config'):
            raise ConfigError(f'{path}: runs.{name}: config is not given or empty.')
        if Path(name).parts != (name, ) or name == '..':
            raise ConfigError(f'{path}: runs.{name}: the run would train outside of its own folder, which has its '
                              'name. Choose one without "/".')
    for where, entry in {path: study, **{f'{path}: runs.{k}': v for k, v in study['runs'].items()}}.items():
        baseline = entry.get('baseline', study['baseline'])
        if baseline not in study['runs']:
            raise ConfigError(f'{where}: baseline="{baseline}" is none of the runs.'
                              f'{did_you_mean(baseline, study["runs"])}')


def _seeds_of(name: str, entry: Dict[str, Any], study: Dict[str, Any], path: str,
              earlier: Dict[str, List[Run]]) -> List[Run]:
    """A training for each seed of a run."""
    where, runs = f'{path}: runs.{name}', []
    given = Path(entry['config'])
    config = given if '::' in str(given) else (Path(path).parent / given).resolve()
    options = [study.get('cfg_options', {}), entry.get('cfg_options', {})]
    for key in (key for changes in options for key in changes):
        if not isinstance(key, str):
            raise ConfigError(f'{where}: cfg_options: {key!r} given, expected a dotted key as text.')
        if key in _OURS:
            raise ConfigError(f'{where}: cfg_options.{key}: {_OURS[key]}.')
    seeds = entry.get('seeds', study['seeds'])
    if not seeds:
        raise ConfigError(f'{where}: seeds={seeds!r}: expected at least one.')
    for seed in seeds:
        if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
            raise ConfigError(f'{where}: seed={seed!r}: expected a whole number of at least 0.')
        if seeds.count(seed) > 1:
            raise ConfigError(f'{where}: seed {seed} is listed twice.')
        runs.append(Run(name, entry.get('label', name), seed, config, options, _needed(options, earlier, seed, where),
                        entry.get('baseline', study['baseline'])))
    return runs


def _check_pairs(runs: List[Run], baseline: List[Run], where: str) -> None:
    """Refuse several seeds of which the baseline has none: differences are those of one seed."""
    seeds, others = [run.seed for run in runs], [run.seed for run in baseline]
    if len(seeds) > 1 and not {*seeds} & {*others}:
        raise ConfigError(f'{where}: its baseline "{runs[0].baseline}" has the seeds {others} and none of its own, '
                          f'{seeds}, so that there is no difference to show. Give both the same seeds.')


def without_folders(text: str) -> str:
    """JSON with the last part of each absolute path alone."""
    return re.sub(r'"/[^"]*/', '"', text)


def _needed(options: List[Dict[str, Any]], earlier: Dict[str, List[Run]], seed: int, where: str) -> tuple:
    """The runs whose checkpoints the options name: those of the same seed, or the only one."""
    needs = []
    for name in dict.fromkeys(_PLACE.findall(json.dumps(options, default=str, ensure_ascii=False))):
        runs = earlier.get(name, [])
        same = [run for run in runs if run.seed == seed] or (runs if len(runs) == 1 else [])
        if not same:
            raise ConfigError(f'{where}: {{checkpoint:{name}}} needs a run "{name}" above it, with one seed or with '
                              f'seed {seed}.{did_you_mean(name, earlier)}')
        needs += same
    return tuple(needs)


def _map_texts(function: Callable[[str], str], value: Any) -> Any:
    """Apply a function to each string of nested lists and dicts."""
    if isinstance(value, str):
        return function(value)
    if isinstance(value, dict):
        return {key: _map_texts(function, part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_map_texts(function, part) for part in value)
    return value


def _check_keys(given: Any, known: Dict[str, Any], where: str) -> None:
    if not isinstance(given, dict):
        raise ConfigError(f'{where}={given!r} given, expected a dict with {", ".join(known)}.')
    for key, value in given.items():
        if key not in known:
            raise ConfigError(f'{where}: unknown key "{key}".{did_you_mean(key, known)} Expected: {", ".join(known)}.')
        if not isinstance(value, known[key]):
            raise ConfigError(f'{where}: {key}={value!r} given, expected {_FORMS[known[key]]}.')
