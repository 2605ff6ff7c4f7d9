"""Train what a study lists, in processes of their own."""
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional

import torch
from rich import get_console

from mmpose_kd.errors import ConfigError
from mmpose_kd.files import whole
from mmpose_kd.machine import commit, cores, machine, memory
from mmpose_kd.progress import progress_bar

from .plan import Plan, Run
from .results import versions
from .state import (
    check_same,
    checkpoint_of,
    difference,
    differs,
    files_of,
    lock,
    move_aside,
    orphaned,
    saved_epochs,
    state_of,
)

_TRAIN = [sys.executable, '-W', 'ignore', '-c',
          "from mmpose_kd.cli import run_mmpose_tool; run_mmpose_tool('train.py')"]
POLL = 2.0  # seconds


def train_all(plan: Plan, out: Path, jobs: int = 1, redo: bool = False,
              finished: Callable[[], Any] = lambda: None) -> List[Run]:
    """Train every run of a study that is not finished.

    A run trains by MMPose's ``tools/train.py``, with ``--resume auto`` where it has a checkpoint, so that one that was
    stopped goes on from there. A finished one is kept. Its state is in ``state.json`` beside its checkpoints: the hash
    of its config, the seconds that it took, over all its attempts, its peak memory, the machines that it ran on and the
    commits and versions that it ran with.

    Args:
        plan (Plan): The study.
        out (Path): Its folder.
        jobs (int): How many are trained at a time. Each gets its share of the cores, unless ``OMP_NUM_THREADS`` is
            set, and one of the GPUs, in turn. Default: 1.
        redo (bool): Train anew what was trained with another config. Default: False, which is an error.
        finished (Callable): Called when one is finished. What it raises stops the others, which can be resumed.

    Returns:
        list[Run]: Those that failed, or needed one that did; the others are trained all the same.

    Raises:
        ConfigError: What is in the folder was trained with another config or other weights, or with a checkpoint of a
            run that would be trained anew, is trained by another process just now, or ``jobs`` is below 1.
    """
    if jobs < 1:
        raise ConfigError(f'--jobs {jobs}: expected 1 or more.')
    _check_kept(plan, out, redo)
    with progress_bar(get_console()) as progress:
        queue = _Queue(plan, out, jobs, partial(progress.console.print, markup=False, soft_wrap=True))
        bar = progress.add_task('study: epochs', total=queue.epochs, completed=queue.reached)
        try:
            while queue.waiting or queue.active:
                time.sleep(0 if queue.begin() else POLL)
                for _ in queue.just_finished():
                    finished()
                progress.update(bar, total=queue.epochs, completed=queue.reached)
        finally:  # the next call goes on where this one was stopped
            queue.stop()
    return queue.failed


def _check_kept(plan: Plan, out: Path, redo: bool) -> None:
    """Refuse what was trained with something else, or move it aside."""
    for run in plan.runs:
        teacher = orphaned(run, out)
        if redo and (teacher or difference(run, out)):
            move_aside(run, out)
            continue
        check_same(run, out)
        if teacher:
            raise ConfigError(f'{out / run.folder} was trained with the checkpoint of "{teacher}", which is gone and '
                              'would be another one. Put it back, choose another folder, or --redo to train both anew.')


class _Queue:
    """The runs of a study: those that wait, are trained, have finished or failed."""

    def __init__(self, plan: Plan, out: Path, jobs: int, say: Callable[[str], Any]):
        self.runs, self.out, self.say = plan.runs, out, say
        self.waiting = [run for run in self.runs if not state_of(run, out).get('finished')]
        self.jobs = min(jobs, len(self.waiting))  # of which each gets its share of the cores
        self.active: Dict[Run, _Process] = {}
        self.finished = {run for run in self.runs if run not in self.waiting}
        self.failed: List[Run] = []

    @property
    def epochs(self) -> int:
        """Of all runs that have not failed."""
        return sum(run.epochs for run in self.runs if run not in self.failed)

    @property
    def reached(self) -> int:
        """How many of these are trained."""
        return sum(run.epochs if run in self.finished else _epoch(run, self.out)
                   for run in self.runs if run not in self.failed)

    def begin(self) -> bool:
        """Begin the next run that needs no other one first; whether there was one, and room for it."""
        ready = [run for run in self.waiting if not any(need in self.waiting or need in self.active
                                                        for need in run.needs)]
        if not ready or len(self.active) == self.jobs:
            return False
        run = ready[0]
        self.waiting.remove(run)
        lacking = next((need.name for need in run.needs if need in self.failed), None)
        if lacking is not None:
            self._fail(run, f'not begun, as it needs the checkpoint of "{lacking}"')
            return True
        self.say(f'{run.name}, seed {run.seed}: {self.out / run.folder}')
        slot = next(i for i in range(self.jobs) if all(process.slot != i for process in self.active.values()))
        self.active[run] = _Process(run, self.out, self.jobs, slot)
        return True

    def just_finished(self) -> Iterator[Run]:
        """Those that finished since the last call; what failed is said."""
        for run, process in list(self.active.items()):
            code = process.poll()
            if code is None:
                continue
            del self.active[run]
            if code:
                self._fail(run, f'{_end(code)}, see {process.log}\n{process.last_words()}')
            else:
                self.finished.add(run)
                yield run

    def stop(self) -> None:
        """Stop those that are trained."""
        for process in self.active.values():
            process.stop()
        for process in self.active.values():
            process.process.wait()

    def _fail(self, run: Run, why: str) -> None:
        self.failed.append(run)
        self.say(f'{run.name}, seed {run.seed}: {why}')


class _Process:
    """A training in a process of its own."""

    def __init__(self, run: Run, out: Path, jobs: int, slot: int):
        folder = out / run.folder
        folder.mkdir(parents=True, exist_ok=True)
        self.run, self.out, self.slot, self.log = run, out, slot, folder / 'train.log'
        with lock(folder) as held:  # the training holds it after that
            check_same(run, out)  # another study may have trained it while this one waited
            config = folder / 'config.py'
            cfg = run.cfg({need.name: str(checkpoint_of(need, out).resolve()) for need in run.needs})
            cfg.custom_hooks = [*(cfg.get('custom_hooks') or []), dict(type='LastValidationHook')]
            cfg.dump(str(config))
            self.state = _begun(run, out)
            self.started = time.monotonic()
            # where there is nothing to resume, MMPose's tool would drop load_from
            resume = ['--resume', 'auto'] if (folder / 'last_checkpoint').is_file() else []
            with open(self.log, 'ab') as log:
                self.process = subprocess.Popen(
                    [*_TRAIN, str(config), '--work-dir', str(folder), *resume], stdout=log,
                    stderr=subprocess.STDOUT, env=_environment(jobs, slot), start_new_session=True, pass_fds=[held])

    def poll(self) -> Optional[int]:
        """The exit code, if it has ended; saves the state."""
        code = self.process.poll()
        now = time.monotonic()
        self.state['seconds'] += now - self.started
        self.started = now
        self.state['peak_memory_mb'] = max(self.state['peak_memory_mb'], _peak_memory(self.process.pid))
        if code == 0:
            self.state['finished'] = True
        file = self.out / self.run.folder / 'state.json'
        with whole(file) as part:
            part.write_text(json.dumps(self.state))
        return code

    def last_words(self) -> str:
        """The end of the log."""
        return '\n'.join(self.log.read_text(errors='replace').splitlines()[-5:])

    def stop(self) -> None:
        """Tell it and its workers to end."""
        with suppress(ProcessLookupError):  # it has just ended by itself
            os.killpg(self.process.pid, signal.SIGTERM)


def _begun(run: Run, out: Path) -> Dict[str, Any]:
    """The state of a run that begins, or goes on."""
    state = state_of(run, out)
    if differs(state, run, out):  # what failed with another config or other weights is no attempt of this run
        state = {}
    return dict(
        hash=run.hash(), files=files_of(run, out), finished=False, seconds=state.get('seconds', 0.0),
        peak_memory_mb=state.get('peak_memory_mb', 0.0),
        machines=list(dict.fromkeys([*state.get('machines', []), machine()])),
        commits=list(dict.fromkeys([*state.get('commits', []), commit()])),
        versions=[*(found for found in state.get('versions', []) if found != versions()), versions()])


def _environment(jobs: int, slot: int) -> Dict[str, str]:
    """The variables of a training: its share of the cores, and its GPU where several train at a time."""
    env = dict(os.environ, TZ='UTC')  # MMEngine names the folders of attempts by the local time; they are sorted
    env.setdefault('OMP_NUM_THREADS', str(max(1, cores() // jobs)))
    gpus = _gpus()
    if jobs > 1 and gpus:
        env['CUDA_VISIBLE_DEVICES'] = gpus[slot % len(gpus)]
    return env


def _end(code: int) -> str:
    """How a training ended that did not finish."""
    if code >= 0:
        return f'failed (exit code {code})'
    hint = ' - out of memory? Then fewer --jobs help' if code == -signal.SIGKILL else ''
    name = signal.Signals(-code).name if -code in set(signal.Signals) else -code  # real-time signals have no name
    return f'killed by signal {name}{hint}'


def _gpus() -> List[str]:
    """The GPUs that trainings may use, as ``CUDA_VISIBLE_DEVICES`` names them."""
    given = os.environ.get('CUDA_VISIBLE_DEVICES')
    return given.split(',') if given else [str(number) for number in range(torch.cuda.device_count())]


def _epoch(run: Run, out: Path) -> int:
    """The last epoch that a run has saved."""
    return max(saved_epochs(out / run.folder), default=0)


def _peak_memory(pid: int) -> float:
    """The most memory that a process has held so far, in MB; 0 where the system does not tell."""
    try:
        return memory('VmHWM', pid)
    except OSError:
        return 0.0
