"""Write what the studies found into the pages that show it, and plot it.

    python docs/comparison.py           # after a study's results.json became docs/results/lspet-SIZE/STUDY.json
    python docs/comparison.py --check   # names the pages that do not show what is there

A table stands in a page between ``<!-- table: NAME -->`` and ``<!-- end -->``.
"""
import json
import re
import sys
from pathlib import Path
from typing import Dict, List, Tuple

import matplotlib
from matplotlib.figure import Figure

from mmpose_kd.summary import label, markdown, summarise

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / 'docs' / 'results'
PAGES = ('README.md', 'docs/choose.md', 'docs/comparison.md', 'docs/speed.md')
PLACE = re.compile(r'(<!-- table: (\w+) -->\n).*?(<!-- end -->)', re.DOTALL)
METRIC, TITLE = 'PCK', 'PCK@0.2'
METRICS = {METRIC: TITLE, 'AUC': 'AUC', 'coco/AP': 'OKS-AP'}
GAINS = [f'gain in {title}' for title in METRICS.values()]
WEIGHTS = dict(alpha=4, beta=3)  # of Multi-KD's terms, where they are not what is tried
PLOTS = dict(methods=('methods', ), others=('heatmaps', 's_hrnet', 'lspd'))  # whose runs are methods, by plot
COMPARED = sum(PLOTS.values(), ())
COURSES = dict(course='short_128x128', length='length')  # whose trainings are drawn from epoch to epoch, by plot
UNTIMED = ('s-hrnet', 'lspd', 'lspd-teacher')  # they, or their students alone, were trained beside other work
DEMO = dict(  # label, parameters and GMACs: what the demo prints after its trainings
    teacher=('teacher, HRNet-W8', '0.28 M', '0.018'), student=('student, ResNet-18 of 1/8 width', '0.23 M', '0.006'),
    distilled=('student + Multi-KD', '0.23 M', '0.006'))
ABLATION = {  # rows of the Multi-KD paper's Table 4, with its PCKh@0.5 of Lite-HRNet-18 on MPII; two more of ours
    'alone': 85.9,
    'cross-stage': 86.8,
    'cross-stage-mft': 87.3,
    'cross-stage-wa': 87.1,
    'cross-stage-mft-wa': 87.5,
    'multi-kd': 87.7,
    'cross-stage-kl': None,
    'multi-kd-paper': None
}


def main(check: bool = False) -> List[str]:
    """Write the pages whose tables are not as they should be, or, with ``check``, only name them."""
    studies = {**read(RESULTS), 'demo': json.loads((RESULTS / 'demo_three-seeds.json').read_text())}
    stale = []
    for page in PAGES:
        text = (ROOT / page).read_text()
        filled = PLACE.sub(lambda match: match[1] + '\n'.join([*TABLES[match[2]](studies), '']) + match[3], text)
        if filled != text:
            stale.append(page)
            if not check:
                (ROOT / page).write_text(filled)
    if not check:
        for name, shown in PLOTS.items():
            plot([studies[study] for study in shown if study in studies],
                 ROOT / 'docs' / 'images' / f'comparison_{name}.svg')
        if 'weights' in studies:
            plot_weights(studies['weights'], ROOT / 'docs' / 'images' / 'comparison_weights.svg')
        for name, study in COURSES.items():
            if study in studies:
                plot_course(studies[study], ROOT / 'docs' / 'images' / f'comparison_{name}.svg')
    return stale


def read(folder: Path) -> Dict[str, dict]:
    """Results by the name of the study, which ends in the size of the images where that is not 64x64."""
    files = sorted(folder.glob('lspet-*/*.json'))
    return {file.stem + file.parent.name.replace('lspet-', '_').replace('_64x64', ''): json.loads(file.read_text())
            for file in files}


def gains(studies: Dict[str, dict]) -> List[str]:
    """Every method against the same student alone."""
    rows = [('method', 'student', 'alone', 'distilled', *GAINS, 'training time')]
    for results in (studies[name] for name in COMPARED if name in studies):
        for name, row in by_gain(results):
            alone = results['summary'][row['baseline']]
            student = label(results['runs'], row['baseline']).removesuffix(' alone')
            time = seconds(results, name) / seconds(results, row['baseline'])
            rows.append((label(results['runs'], name), student, number(alone[METRIC]), number(row[METRIC]),
                         *(difference(row[metric]) for metric in METRICS), '' if name in UNTIMED else f'{time:.2f}'))
    return markdown(rows)


def demo(studies: Dict[str, dict]) -> List[str]:
    """The models of the demo, and what distillation adds."""
    results = studies['demo']
    rows = [('model', *results['metrics'].values(), 'parameters', 'GMACs', 'training')]
    for name, (title, parameters, gmacs) in DEMO.items():
        rows.append((title, *(number(results['summary'][name][metric]) for metric in results['metrics']), parameters,
                     gmacs, f'{seconds(results, name) / 60:.1f} min'))
    more = seconds(results, 'distilled') - seconds(results, 'student')
    rows.append(('difference, paired by seed',
                 *(difference(results['summary']['distilled'][metric]) for metric in results['metrics']), '0', '0',
                 f'{more / 60:+.1f} min'))
    return markdown(rows)


def best(studies: Dict[str, dict]) -> List[str]:
    """The six whole methods for the SimDR student that gain most."""
    results = studies['methods']
    last = {name: row for name, row in results['summary'].items() if not name.endswith('-1')}
    return gains(dict(methods=dict(results, summary=last)))[:2 + 6]


def ahead(results: dict) -> List[str]:
    """How far Multi-KD is ahead of every other method and variant of a study."""
    best_of_all = 'multi-kd'
    runs = [dict(run, baseline=run['name'] if run['name'] == best_of_all else best_of_all) for run in results['runs']]
    summary = summarise(runs, list(METRICS))
    rows = [('Multi-KD ahead of', *METRICS.values())]
    for name, _ in by_gain(results, variants=True):
        if name != best_of_all:
            reverse = [dict(value, difference=-value['difference'])
                       for value in (summary[name][metric] for metric in METRICS)]
            rows.append((label(results['runs'], name), *map(difference, reverse)))
    return markdown(rows)


def ablation(studies: Dict[str, dict]) -> List[str]:
    """The rows of the Multi-KD paper's Table 4, with the paper's own."""
    results = studies['methods']
    rows = [('', TITLE, *GAINS, 'the paper: Lite-HRNet-18, MPII PCKh@0.5', "the paper's gain")]
    for name, paper in ABLATION.items():
        row = results['summary'][name]
        rows.append((label(results['runs'], name), number(row[METRIC]),
                     *(difference(row[metric]) for metric in METRICS), f'{paper or ""}',
                     f'{paper - ABLATION["alone"]:+.1f}' if paper and name != 'alone' else ''))
    return markdown(rows)


def budget(studies: Dict[str, dict]) -> List[str]:
    """Gains after trainings of several lengths; runs are named METHOD-EPOCHSe."""
    results = studies['budget']
    methods = list(dict.fromkeys(name.rsplit('-', 1)[0] for name in results['summary']))
    lengths = sorted({int(name.rsplit('-', 1)[1][:-1]) for name in results['summary']})
    rows = [('', *(f'{length} epochs' for length in lengths))]
    for method in methods:
        values = [results['summary'][f'{method}-{length}e'][METRIC] for length in lengths]
        rows.append((label(results['runs'], f'{method}-{lengths[0]}e').rsplit(',', 1)[0], *map(gained, values)))
    return markdown(rows)


def twice_as_long(short: dict, long: dict) -> List[str]:
    """The runs of a study of long trainings, beside the same in one of short trainings."""
    epochs = [run['options']['train_cfg.max_epochs'] for results in (short, long) for run in results['runs'][:1]]
    rows = [('', *(f'{title} after {length} epochs' for title in METRICS.values() for length in epochs))]
    for name in long['summary']:
        rows.append((label(long['runs'], name), *(gained(results['summary'][name][metric])
                                                  for metric in METRICS for results in (short, long))))
    return markdown(rows)


def course(results: dict) -> List[str]:
    """Every run of a study in the course of its training, and what it gains at the end."""
    summaries = by_epoch(results)
    rows = [('', *(f'{TITLE} after {epoch} epochs' for epoch in summaries), *GAINS)]
    rows += [(label(results['runs'], name), *(number(summary[name][METRIC]) for summary in summaries.values()),
              *(difference(row[metric]) for metric in METRICS)) for name, row in results['summary'].items()]
    return markdown(rows)


def by_epoch(results: dict) -> Dict[int, Dict[str, dict]]:
    """What the summary would be after each epoch that was validated, of the runs that got there."""
    runs = results['runs']
    epochs = sorted({epoch for run in runs for epoch in run['curve']}, key=int)
    return {int(epoch): summarise([dict(run, metrics=run['curve'][epoch]) for run in runs if epoch in run['curve']],
                                  [METRIC]) for epoch in epochs}


def whole(results: dict) -> List[str]:
    """Every run of a study by every metric, and how far it is ahead of the baseline."""
    rows = [('', *METRICS.values(), *(f'ahead in {title}' for title in METRICS.values()))]
    for name, row in results['summary'].items():
        values = [row[metric] for metric in METRICS]
        rows.append((label(results['runs'], name), *map(number, values), *map(difference, values)))
    return markdown(rows)


TABLES = dict(
    demo=demo, gains=gains, best=best, ablation=ablation, budget=budget,
    ahead=lambda studies: ahead(studies['methods']), ahead_128x128=lambda studies: ahead(studies['short_128x128']),
    short_128x128=lambda studies: course(studies['short_128x128']),
    tuned_128x128=lambda studies: course(studies['tuned_128x128']),
    larger=lambda studies: whole(studies['tuned_128x128']),
    second_stages=lambda studies: whole(studies['second_stage_128x128']),
    budget_128x128=lambda studies: twice_as_long(studies['tuned_128x128'], studies['budget_128x128']),
    **{study: lambda studies, study=study: whole(studies[study])
       for study in ('backbones', 'weights', 'length', 'litehrnet', 'lspd_litehrnet')})


def by_gain(results: dict, variants: bool = False) -> List[Tuple[str, dict]]:
    """Methods, those that gain more first, and variants of Multi-KD where they are wanted."""
    rows = [(name, row) for name, row in results['summary'].items()
            if row[METRIC]['difference'] is not None and not name.startswith('alone')
            and (variants or not (name.startswith('cross-stage') or name.endswith('-paper')))]
    return sorted(rows, key=lambda item: -item[1][METRIC]['difference'])


def seconds(results: dict, name: str) -> float:
    """Mean time of a training; that of a second stage together with its first."""
    times = [run['seconds'] for run in results['runs'] if run['name'] == name]
    first = name[:-2] + '-1'
    has_first = name.endswith('-2') and any(run['name'] == first for run in results['runs'])
    before = seconds(results, first) if has_first else 0
    return sum(times) / len(times) + before


def number(value: dict) -> str:
    """Mean in percent, with its standard deviation where there is one."""
    return f'{100 * value["mean"]:.1f}' + ('' if value['std'] is None else f' ± {100 * value["std"]:.1f}')


def difference(value: dict) -> str:
    """Mean difference in percent with its interval, bold where that leaves out 0."""
    if value['difference'] is None:
        return ''
    text = f'{round(100 * value["difference"], 1) or 0.0:+.1f}'  # a zero has no minus
    if value['interval'] is None:
        return text
    text += f' ± {100 * value["interval"]:.1f}'
    return f'**{text}**' if abs(value['difference']) > value['interval'] else text


def gained(value: dict) -> str:
    """Mean with its standard deviation, and the difference in brackets where there is one."""
    return number(value) + (f' ({difference(value)})' if value['difference'] is not None else '')


def plot(studies: List[dict], file: Path) -> None:
    """Gains with their intervals, of each study the largest on top."""
    rows = [(label(results['runs'], name), row[METRIC]) for results in studies for name, row in by_gain(results)][::-1]
    figure = Figure(figsize=(8, 1 + 0.32 * len(rows)), layout='tight')
    axes = figure.subplots()
    for place, (_, value) in enumerate(rows):
        axes.errorbar(100 * value['difference'], place, xerr=100 * (value['interval'] or 0), fmt='o', capsize=3,
                      color='tab:blue')
    axes.axvline(0, color='black')
    axes.set_yticks(range(len(rows)), [name for name, _ in rows])
    axes.set_xlabel(f'points of {TITLE} above the same student alone, 95 % interval')
    axes.grid(axis='x', alpha=0.3)
    save(figure, file)


def plot_weights(results: dict, file: Path) -> None:
    """Gain over the weight of each of Multi-KD's terms, as the paper's Fig. 5: runs are named TERM-WEIGHT."""
    multi_kd = results['summary']['multi-kd'][METRIC]
    terms = {term: [(weight, multi_kd)] for term, weight in WEIGHTS.items()}
    for name, row in results['summary'].items():
        if name not in ('alone', 'multi-kd'):
            term, weight = name.rsplit('-', 1)
            terms[term].append((float(weight), row[METRIC]))
    figure = Figure(figsize=(8, 3), layout='tight')
    for axes, (term, points) in zip(figure.subplots(1, len(terms), sharey=True, squeeze=False)[0], terms.items()):
        points.sort(key=lambda point: point[0])
        axes.errorbar([weight for weight, _ in points], [100 * value['difference'] for _, value in points],
                      yerr=[100 * (value['interval'] or 0) for _, value in points], fmt='o-', capsize=3)
        axes.axhline(0, color='black')
        axes.set_xscale('log')
        axes.set_xlabel(f'weight {term}')
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel(f'gain in {TITLE}')
    save(figure, file)


def plot_course(results: dict, file: Path) -> None:
    """Mean and standard deviation of every run in the course of its training, the best on top of the legend."""
    figure = Figure(figsize=(6, 3.5), layout='tight')
    axes = figure.subplots()
    summaries = by_epoch(results)
    for name in sorted(results['summary'], key=lambda name: -results['summary'][name][METRIC]['mean']):
        values = {epoch: summary[name][METRIC] for epoch, summary in summaries.items() if name in summary}
        axes.errorbar(list(values), [100 * value['mean'] for value in values.values()],
                      yerr=[100 * (value['std'] or 0) for value in values.values()], fmt='o-', capsize=3,
                      label=label(results['runs'], name))
    axes.set_xticks(list(summaries))
    axes.set_xlabel('epoch')
    axes.set_ylabel(TITLE)
    axes.grid(alpha=0.3)
    axes.legend()
    save(figure, file)


def save(figure: Figure, file: Path) -> None:
    """As an SVG that is the same file every time."""
    with matplotlib.rc_context({'svg.hashsalt': 'mmpose_kd', 'svg.fonttype': 'none'}):
        figure.savefig(file, format='svg', metadata=dict(Date=None))


if __name__ == '__main__':
    pages = main(check='--check' in sys.argv[1:])
    print('\n'.join(pages) or 'every table is as it should be')
    sys.exit(bool(pages) and '--check' in sys.argv[1:])
