"""Make one HTML page of a training, several trainings or a study; ``mim run mmpose_kd report`` runs it."""
import argparse
import io
import sys
import warnings
from contextlib import redirect_stdout
from pathlib import Path

import mmpose_kd  # noqa: F401  isort: skip  repairs the environment before MMPose is imported
from rich.console import Console

from mmpose_kd.cli import CfgOptions, for_the_user
from mmpose_kd.machine import find_device
from mmpose_kd.progress import progress_bar
from mmpose_kd.report import Options, check_output, read_folders, write_report

console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 120)


def report(args: argparse.Namespace) -> None:
    check_output(args.out, args.force)
    experiment = read_folders(args.folder, args.names, args.baseline, args.metrics)
    options = Options(0 if args.no_predictions else args.images, args.pictures, args.threshold, args.benchmark,
                      find_device(args.device), args.cfg_options, args.title)
    bar = progress_bar(console, redirect_stdout=False)
    with bar, warnings.catch_warnings(), redirect_stdout(io.StringIO()):  # of what libraries say of annotation files
        warnings.simplefilter('ignore')
        task = bar.add_task('people', total=len(experiment.runs) * options.images, visible=options.images > 0)
        notes = write_report(experiment, args.out, options, args.force, lambda people: bar.advance(task, people))
    for note in notes:
        console.print(note, markup=False, soft_wrap=True)
    console.print(f'written: {args.out}', markup=False, soft_wrap=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('folder', nargs='+', help='work folders of trainings, or the folder of a study')
    parser.add_argument('--out', type=Path, default=Path('report.html'), help='default: report.html')
    parser.add_argument('--force', action='store_true', help='replace the file')
    parser.add_argument('--names', nargs='+', default=[], metavar='NAME',
                        help='one for each folder; folders of the same name are seeds of one training')
    parser.add_argument('--baseline', metavar='NAME', help='what the others are compared with; default: the first run, '
                        'or what the study says')
    parser.add_argument('--metrics', nargs='+', default=[], help='as the evaluator logs them; default: all')
    parser.add_argument('--images', type=int, default=200,
                        help='people of the validation set that each checkpoint is evaluated on (default: 200)')
    parser.add_argument('--no-predictions', action='store_true', help='tables and curves alone')
    parser.add_argument('--pictures', type=int, default=4, help='of gains, and of losses, of each run (default: 4)')
    parser.add_argument('--threshold', type=float, default=0.2,
                        help='what counts as right, in longer sides of the box (default: 0.2)')
    parser.add_argument('--benchmark', metavar='FILE', help='benchmark.json, for latency against accuracy')
    parser.add_argument('--title', help='headline')
    parser.add_argument('--device', help='default: a GPU, if there is one')
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions, metavar='KEY=VALUE',
                        help="changes to the runs' configs, such as the place of the data")
    args = parser.parse_args()
    with for_the_user('stopped; no report was written, and what was predicted is kept for the next'):
        report(args)


if __name__ == '__main__':
    main()
