"""Parameters, operations, memory and latency of models side by side; ``mim run mmpose_kd benchmark`` runs it."""
import argparse
import sys
from pathlib import Path
from statistics import geometric_mean

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from rich.console import Console

from mmpose_kd.benchmark import BACKENDS, benchmark, conditions, report, write_benchmark
from mmpose_kd.cli import find_config, for_the_user
from mmpose_kd.errors import make_folder
from mmpose_kd.files import whole
from mmpose_kd.machine import find_device
from mmpose_kd.progress import progress_bar


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('configs', nargs='+', help='files, or names of shipped configs; the first is what the others '
                        'are compared with')
    parser.add_argument('--backends', nargs='+', default=['eager'], metavar='NAME', help=', '.join(BACKENDS))
    parser.add_argument('--batch', type=int, default=16, help='throughput batch (default: 16)')
    parser.add_argument('--rounds', type=int, default=30, help='in turn, of which the median counts (default: 30)')
    parser.add_argument('--threads', type=int, help='default: the number of cores')
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--channels-last', action='store_true', help='not for the backend onnx')
    parser.add_argument('--accuracy', nargs='+', type=float, metavar='VALUE', help='of each config, for the plot')
    parser.add_argument('--out', type=Path, help='folder for benchmark.json, benchmark.md and benchmark.png')
    args = parser.parse_args()
    if args.accuracy and len(args.accuracy) != len(args.configs):
        sys.exit(f'error: {len(args.accuracy)} values of accuracy for {len(args.configs)} configs.')
    if args.accuracy and not args.out:
        sys.exit('error: --accuracy is for the plot, which --out names a folder for.')
    with for_the_user():
        configs, device = [find_config(config) for config in args.configs], find_device(args.device)
        if args.out:
            make_folder(args.out)
        with progress_bar(Console(stderr=True)) as bar:
            task = bar.add_task('', total=100)
            rows = benchmark(configs, args.backends, args.batch, args.rounds, args.threads, device,
                             args.channels_last,
                             lambda text, share: bar.update(task, description=text, completed=100 * share))
            bar.update(task, description='measured', completed=100)
        facts = conditions(device, args.threads, rounds=args.rounds, channels_last=args.channels_last)
        print(report(rows, facts))
        if args.out:
            write_benchmark(rows, facts, args.out)
            if args.accuracy:
                with whole(args.out / 'benchmark.png') as part:
                    plot(rows, args.accuracy, part)


def plot(rows: list, accuracy: list, file: Path) -> None:
    """Latency against accuracy: a colour for each backend, a line with its name for each model."""
    figure = Figure(figsize=(7, 5), layout='tight')
    axes = figure.subplots()
    axes.set_xscale('log')
    axes.margins(x=0.25, y=0.15)
    by_backend = {}
    for row in rows:
        by_backend.setdefault(row.backend, []).append(row)
    for model, value in zip(zip(*by_backend.values()), accuracy):
        times = [row.latency_ms for row in model]
        axes.plot(times, [value] * len(times), color='lightgray', zorder=0)
        axes.annotate(model[0].name, (geometric_mean(times), value), (0, 6), textcoords='offset points', ha='center',
                      fontsize=8)
    for backend, mine in by_backend.items():
        axes.plot([row.latency_ms for row in mine], accuracy, 'o', label=backend)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter('{x:g}')
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel('latency of one image (ms)')
    axes.set_ylabel('accuracy')
    axes.legend()
    figure.savefig(file, dpi=110)


if __name__ == '__main__':
    main()
