"""What it costs to use a model: size, operations, memory and latency, side by side."""
import json
import logging
import multiprocessing
import signal
import tempfile
import time
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import numpy as np
import torch
from mmengine.analysis import get_model_complexity_info
from mmengine.registry import init_default_scope
from mmpose.models.pose_estimators import TopdownPoseEstimator
from mmpose.registry import MODELS
from torch import Tensor, nn

from .config import load_config
from .errors import ConfigError, did_you_mean
from .files import whole
from .machine import cores, give_back_memory, machine, memory, use_gpu
from .summary import markdown

BACKENDS = ('eager', 'compile', 'onnx')


@dataclass
class Row:
    """One model with one backend.

    Attributes:
        name (str): The config's name.
        backend (str): 'eager', 'compile' (``torch.compile``) or 'onnx' (ONNX Runtime).
        params (float): Parameters, in millions.
        gmacs (float): Multiply-adds of one image, 1e9, as MMEngine counts them.
        batch (int): The throughput batch.
        latency_ms (float): Median of a batch of one image, in ms.
        latency_p90_ms (float): 90th percentile of the same.
        throughput (float): Images a second with the throughput batch.
        batch_ms (float): Median of the throughput batch, in ms.
        batch_p90_ms (float): 90th percentile of the same.
        memory_mb (float): What the throughput batch needs beside weights and input, at its peak; 0 where unknown.
            What is made once, such as compiled code, does not count.
        ratio (float): Median of the latency's ratios to the first model's in the same round with the same backend.
    """
    name: str
    backend: str
    params: float = 0.0
    gmacs: float = 0.0
    batch: int = 1
    latency_ms: float = 0.0
    latency_p90_ms: float = 0.0
    throughput: float = 0.0
    batch_ms: float = 0.0
    batch_p90_ms: float = 0.0
    memory_mb: float = 0.0
    ratio: float = 1.0


class Network(nn.Module):
    """Backbone, neck and head of a pose estimator, without preprocessing and decoding."""

    def __init__(self, model: TopdownPoseEstimator) -> None:
        super().__init__()
        self.model: TopdownPoseEstimator = model

    def forward(self, images: Tensor) -> Any:
        """Images (N, 3, H, W) to heatmaps, SimDR logits or poses."""
        return self.model.head.forward(self.model.extract_feat(images))


def benchmark(configs: Sequence[str], backends: Sequence[str] = ('eager', ), batch: int = 16, rounds: int = 30,
              threads: Optional[int] = None, device: str = 'cpu', channels_last: bool = False,
              progress: Callable[[str, float], None] = lambda text, share: None) -> List[Row]:
    """Measure configs side by side.

    Each config has a process of its own, which waits while another measures: the rounds are interleaved, so that
    whatever else happens on the machine meets all alike. Weights are random; that does not change the times.

    Args:
        configs (Sequence[str]): Config files, distilled ones too: their deployed student is measured. The first is what
            the others are compared with.
        backends (Sequence[str]): Of 'eager', 'compile' and 'onnx'. Default: eager.
        batch (int): The throughput batch. Default: 16.
        rounds (int): How often each is measured. Default: 30.
        threads (int, optional): Threads of each process. Default: the number of cores.
        device (str): Where. Default: 'cpu'.
        channels_last (bool): Memory format of weights and images; not for 'onnx'. Default: False.
        progress (Callable[[str, float], None]): Told what comes next, and which share of the work is done.

    Returns:
        list[Row]: For each backend one row of each config.

    Raises:
        ConfigError: A config does not exist, a number is below 1, a backend is unknown, cannot run a model, or has
            no memory formats.
    """
    threads = cores() if threads is None else threads
    _check_request(configs, backends, channels_last, batch=batch, rounds=rounds, threads=threads)
    rows = []
    backends = list(dict.fromkeys(backends))
    several = max(3, rounds // 5)
    total, done = len(backends) * (len(configs) + rounds + several), 0

    def ask_all(what: str) -> List[float]:
        nonlocal done
        progress(f'{backend}: {what}', done / total)
        done += 1
        return [worker.ask(what) for worker in workers]

    for backend in backends:
        setting = dict(backend=backend, batch=batch, threads=threads, device=device, channels_last=channels_last)
        workers: List[_Worker] = []
        try:
            for config in configs:
                progress(f'{backend}: {Path(config).stem}', done / total)
                done += 1
                workers.append(_Worker(config, setting))
            latencies = np.array([ask_all('latency') for _ in range(rounds)])
            batches = np.array([ask_all('batch') for _ in range(several)])
            for i, worker in enumerate(workers):
                one, many = (1000 * np.percentile(times[:, i], (50, 90)) for times in (latencies, batches))
                rows.append(Row(
                    worker.name, backend, batch=batch, **worker.facts,
                    latency_ms=float(one[0]), latency_p90_ms=float(one[1]),
                    throughput=1000 * batch / float(many[0]),
                    batch_ms=float(many[0]), batch_p90_ms=float(many[1]),
                    ratio=float(np.median(latencies[:, i] / latencies[:, 0]))))
        finally:
            for worker in workers:
                worker.end()
    return rows


def conditions(device: str, threads: Optional[int], **settings: Any) -> Dict[str, Any]:
    """What the figures are of: the machine, and the settings that change them."""
    return dict(machine=machine(), device=device, threads=threads or cores(), torch=torch.__version__, **settings)


def report(rows: Sequence[Row], facts: Dict[str, Any]) -> str:
    """The rows as a Markdown table, and what they are of."""
    head = ('model', 'backend', 'params (M)', 'GMACs', 'latency (ms)', '90 % (ms)', 'x first', 'images/s',
            'batch (ms)', '90 % (ms)', 'memory (MB)')
    lines = markdown([head, *(
        (row.name, row.backend, f'{row.params:.2f}', f'{row.gmacs:.3f}', f'{row.latency_ms:.2f}',
         f'{row.latency_p90_ms:.2f}', f'{row.ratio:.2f}', f'{row.throughput:.0f} (batch {row.batch})',
         f'{row.batch_ms:.2f}', f'{row.batch_p90_ms:.2f}', f'{row.memory_mb:.0f}') for row in rows)])
    return '\n'.join([*lines, '', ', '.join(f'{key} {value}' for key, value in facts.items())])


def write_benchmark(rows: Sequence[Row], facts: Dict[str, Any], out: Path) -> None:
    """Write ``benchmark.json``, which the report reads, and ``benchmark.md``.

    Args:
        rows (Sequence[Row]): What was measured.
        facts (dict): What it is of, see :func:`conditions`.
        out (Path): The folder.
    """
    with whole(out / 'benchmark.json') as part:
        part.write_text(json.dumps(dict(**facts, rows=[asdict(row) for row in rows]), indent=1) + '\n')
    with whole(out / 'benchmark.md') as part:
        part.write_text(report(rows, facts) + '\n')


def _check_request(configs: Sequence[str], backends: Sequence[str], channels_last: bool, **numbers: int) -> None:
    for backend in backends:
        if backend not in BACKENDS:
            raise ConfigError(f'backend "{backend}" given, expected one of {", ".join(BACKENDS)}.'
                              f'{did_you_mean(backend, BACKENDS)}')
    if channels_last and 'onnx' in backends:
        raise ConfigError('--channels-last and the backend "onnx" given, expected one of the two: ONNX Runtime chooses '
                          'its own memory format. Leave out one of them.')
    for name, number in numbers.items():
        if number < 1:
            raise ConfigError(f'--{name} {number} given, expected at least 1.')
    for config in configs:
        if '::' not in config and not Path(config).is_file():
            raise ConfigError(f'config "{config}" does not exist.')


class _Worker:
    """A process that holds one model."""

    def __init__(self, config: str, setting: dict) -> None:
        context = multiprocessing.get_context('spawn')
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(config, setting, theirs), daemon=True)
        self.process.start()
        theirs.close()
        self.name = Path(config).stem
        self.facts = self._answer()

    def ask(self, what: str) -> float:
        """Measure once: seconds of one image ('latency') or of the throughput batch ('batch')."""
        return self._answer(what)

    def end(self) -> None:
        """Let the process go."""
        self.connection.close()
        self.process.join(10)
        if self.process.is_alive():
            self.process.terminate()

    def _answer(self, question: str = '') -> Any:
        try:
            if question:
                self.connection.send(question)
            kind, value = self.connection.recv()
        except (EOFError, ConnectionError):  # the latter where it ended before it was asked, or read the question
            raise ConfigError(f'{self.name}: the process that measures it ended, perhaps for lack of memory.') from None
        if kind == 'error':
            raise ConfigError(f'{self.name}: {value}')
        return value


def _serve(config: str, setting: dict, connection: Connection) -> None:
    """What a worker's process does: build the model, say its facts, then measure when asked."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the parent ends this one
    try:
        logging.disable(logging.WARNING)
        torch.set_num_threads(setting['threads'])
        use_gpu(setting['device'])
        network, size = _network(config)
        facts = _facts(network, size)
        images = {'latency': torch.rand(1, 3, *size), 'batch': torch.rand(setting['batch'], 3, *size)}
        run = _runner(network, images, setting)
        if setting['backend'] != 'onnx':  # its memory pool would keep what a run needs, and the next one find it there
            for what in images:  # code is compiled here, and buffers made that stay
                run(what)
        memory = _peak(lambda: run('batch'), setting['device'])
        for what in images:
            for _ in range(3):
                run(what)
        connection.send(('facts', dict(facts, memory_mb=memory)))
        while True:
            what = connection.recv()
            start = time.perf_counter()
            run(what)
            connection.send(('seconds', time.perf_counter() - start))
    except (EOFError, ConnectionError):
        return  # nobody asks any more
    except Exception as error:  # whatever a backend raises has to reach the parent
        connection.send(('error', f'{setting["backend"]}: {type(error).__name__}: {error}'))


def _network(config: str) -> tuple:
    from .deploy.student import deployed_config, input_size
    cfg = deployed_config(load_config(config))
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    model = MODELS.build(cfg.model).eval()
    width, height = input_size(model, cfg)
    return Network(model).eval(), (height, width)


def _facts(network: nn.Module, size: tuple) -> Dict[str, float]:
    info = get_model_complexity_info(network, (3, *size), show_table=False, show_arch=False)
    return dict(params=sum(p.numel() for p in network.parameters()) / 1e6, gmacs=info['flops'] / 1e9)


@torch.no_grad()
def _runner(network: nn.Module, images: Dict[str, Tensor], setting: dict) -> Callable[[str], None]:
    """A function that runs the network on one of the inputs and waits for the result."""
    device = torch.device(setting['device'])
    layout = torch.channels_last if setting['channels_last'] else torch.contiguous_format
    if setting['backend'] == 'onnx':
        height, width = images['latency'].shape[-2:]
        session = _session(network.model, (width, height), setting)
        arrays = {name: value.numpy() for name, value in images.items()}
        return lambda what: session.run(None, {'images': arrays[what]})
    network = network.to(device, memory_format=layout)  # type: ignore[call-overload]  # not in PyTorch's types
    inputs = {name: value.to(device).contiguous(memory_format=layout) for name, value in images.items()}
    forward = torch.compile(network, dynamic=False) if setting['backend'] == 'compile' else network

    @torch.no_grad()
    def run(what: str) -> None:
        forward(inputs[what])
        if device.type == 'cuda':
            torch.cuda.synchronize()

    return run


def _session(model: TopdownPoseEstimator, size: Tuple[int, int], setting: dict) -> Any:
    from .deploy.onnx import onnx_package, write_onnx
    from .models.heads import IGPGCNHead
    runtime = onnx_package('onnxruntime')
    options = runtime.SessionOptions()
    options.intra_op_num_threads = setting['threads']
    options.log_severity_level = 3
    options.add_session_config_entry('session.force_spinning_stop', '1')  # threads that wait would disturb the others
    device = torch.device(setting['device'])
    provider = 'CUDAExecutionProvider' if device.type == 'cuda' else 'CPUExecutionProvider'
    where = {'device_id': device.index or 0} if device.type == 'cuda' else {}
    kind = 'keypoints' if isinstance(model.head, IGPGCNHead) else 'raw'  # it returns poses
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'model.onnx'
        write_onnx(model, size, path, kind)
        session = runtime.InferenceSession(str(path), options, providers=[(provider, where)])
    if provider not in session.get_providers():  # it takes the processor then, and says so in its log alone
        raise ConfigError(f'ONNX Runtime cannot use the device "{setting["device"]}", as it has no {provider} that '
                          'works: install onnxruntime-gpu in place of onnxruntime, or leave out the backend "onnx".')
    return session


def _peak(run: Callable[[], None], device: str) -> float:
    """MB that a run takes at its peak beside what is held already; 0 where the system does not tell."""
    give_back_memory()  # else a run takes what is free already in the heap, which the system does not see
    if device.startswith('cuda'):
        torch.cuda.reset_peak_memory_stats()
        held = torch.cuda.memory_allocated()
        run()
        return (torch.cuda.max_memory_allocated() - held) / 2**20
    try:
        Path('/proc/self/clear_refs').write_text('5')  # the peak starts anew
        before = memory('VmRSS')
        run()
        return max(0.0, memory('VmHWM') - before)
    except OSError:
        return 0.0
