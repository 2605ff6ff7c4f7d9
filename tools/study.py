"""Train what a study file lists and compare it; ``mim run mmpose_kd study`` runs it."""
import argparse
import logging
import sys
from pathlib import Path

from mmpose_kd.cli import for_the_user
from mmpose_kd.errors import ConfigError, make_folder
from mmpose_kd.study import check_results, collect, load_plan, train_all, write_results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('study', help='study file, see docs/study.md')
    parser.add_argument('--out', required=True, type=Path, help='folder for runs and results')
    parser.add_argument('--jobs', type=int, default=1, help='trainings at a time (default: 1)')
    parser.add_argument('--redo', action='store_true', help='train anew what was trained with another config')
    parser.add_argument('--report-only', action='store_true', help='write the results of what is finished')
    args = parser.parse_args()
    logging.disable(logging.INFO)  # a line for each environment variable, each time that a config is read
    failed = []
    with for_the_user('stopped; the same command goes on from here'):
        plan = load_plan(args.study)
        if args.report_only and not args.out.exists():
            raise ConfigError(f'--out "{args.out}" does not exist, so there is nothing to report.')
        make_folder(args.out)
        check_results(plan, args.out)

        def report() -> None:
            write_results(collect(plan, args.out), args.out)

        if not args.report_only:
            failed = train_all(plan, args.out, args.jobs, args.redo, report)
        report()
    print((args.out / 'results.md').read_text())
    if failed:
        sys.exit(f'error: {len(failed)} runs are not finished: '
                 + ', '.join(f'{run.name} (seed {run.seed})' for run in failed))


if __name__ == '__main__':
    main()
