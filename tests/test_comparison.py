"""docs/comparison.py: tables of the pages from results of studies."""
import json

import numpy as np
import pytest
import scripts


@pytest.fixture(scope='module')
def comparison():
    return scripts.load('comparison')


def summary(baseline, mean, difference=None, interval=None):
    row = dict(mean=mean, std=0.01, difference=difference, interval=interval)
    return dict(baseline=baseline, seeds=[0, 1, 2], PCK=row, AUC=row, **{'coco/AP': row})


@pytest.fixture
def studies():
    """A student alone, two methods, one of which takes two stages, and a variant of the ablation."""
    runs = [dict(name=name, label=name.upper(), seconds=seconds)
            for name, seconds in (('alone', 90.), ('alone', 110.), ('kd', 130.), ('two-1', 150.), ('two-2', 50.),
                                  ('cross-stage', 120.))]
    rows = {'alone': summary('alone', 0.6), 'kd': summary('alone', 0.605, 0.005, 0.006),
            'two-1': summary('alone', 0.59, -0.01, 0.002), 'two-2': summary('alone', 0.63, 0.03, 0.02),
            'cross-stage': summary('alone', 0.62, 0.02, 0.01)}
    return dict(methods=dict(runs=runs, summary=rows))


def cells(line):
    return [cell.strip() for cell in line.strip('|').split('|')]


def test_methods_are_listed_by_gain_with_their_baseline(comparison, studies):
    lines = comparison.gains(studies)
    assert [cells(line)[0] for line in lines[2:]] == ['TWO-2', 'KD', 'TWO-1']
    assert cells(lines[2])[1:4] == ['ALONE', '60.0 ± 1.0', '63.0 ± 1.0']


def test_gain_is_told_by_every_metric(comparison, studies):
    studies['methods']['summary']['kd'].update(AUC=summary('alone', 0.4, 0.04, 0.01)['AUC'],
                                               **{'coco/AP': summary('alone', 0.2, 0.02, 0.03)['AUC']})
    lines = comparison.gains(studies)
    assert cells(lines[0])[4:7] == ['gain in PCK@0.2', 'gain in AUC', 'gain in OKS-AP']
    assert cells(lines[3])[4:7] == ['+0.5 ± 0.6', '**+4.0 ± 1.0**', '+2.0 ± 3.0']


def test_gain_is_bold_where_its_interval_leaves_out_zero(comparison, studies):
    gains = [cells(line)[4] for line in comparison.gains(studies)[2:]]
    assert gains == ['**+3.0 ± 2.0**', '+0.5 ± 0.6', '**-1.0 ± 0.2**']


def test_a_difference_that_is_rounded_to_zero_has_no_minus(comparison):
    assert comparison.difference(dict(difference=-0.0004, interval=0.01)) == '+0.0 ± 1.0'


def test_time_of_a_second_stage_holds_its_first(comparison, studies):
    times = {cells(line)[0]: cells(line)[7] for line in comparison.gains(studies)[2:]}
    assert times == {'TWO-1': '1.50', 'TWO-2': '2.00', 'KD': '1.30'}


def test_time_that_tells_nothing_is_not_shown(comparison, studies, monkeypatch):
    monkeypatch.setattr(comparison, 'UNTIMED', ('kd', ))
    times = {cells(line)[0]: cells(line)[7] for line in comparison.gains(studies)[2:]}
    assert times == {'TWO-1': '1.50', 'TWO-2': '2.00', 'KD': ''}


def test_multi_kd_is_ahead_by_the_paired_difference(comparison):
    values = {'alone': (0.5, 0.5, 0.5), 'multi-kd': (0.6, 0.62, 0.61), 'kd': (0.55, 0.55, 0.56)}
    runs = [dict(name=name, label=name, baseline='alone', seed=seed, seconds=1.,
                 metrics={'PCK': value, 'AUC': value, 'coco/AP': value})
            for name in values for seed, value in enumerate(values[name])]
    rows = {name: summary('alone', 0.5, 0.1 if name != 'alone' else None) for name in values}
    results = dict(runs=runs, summary=rows)
    row, = comparison.ahead(results)[2:]
    half = 4.302653 * np.std([5, 7, 5], ddof=1) / 3**0.5  # Student's t of two degrees of freedom
    assert cells(row)[:2] == ['kd', f'+5.7 ± {half:.1f}'.join(['**', '**'])]


def test_ablation_stands_beside_the_papers_gain(comparison):
    rows = {name: summary('alone', 0.6, None if name == 'alone' else 0.02, 0.01) for name in comparison.ABLATION}
    runs = [dict(name=name, label=name.upper()) for name in rows]
    lines = comparison.ablation(dict(methods=dict(runs=runs, summary=rows)))
    gain = ['**+2.0 ± 1.0**'] * 3
    assert cells(lines[2]) == ['ALONE', '60.0 ± 1.0', '', '', '', '85.9', '']
    assert cells(lines[3]) == ['CROSS-STAGE', '60.0 ± 1.0', *gain, '86.8', '+0.9']
    assert cells(lines[-1]) == ['MULTI-KD-PAPER', '60.0 ± 1.0', *gain, '', '']


def test_lengths_of_training_are_columns(comparison):
    longer = dict(
        runs=[dict(name='alone-5e', label='student alone, 5 epochs'), dict(name='kd-5e', label='KD, 5 epochs')],
        summary={'alone-20e': summary('alone-20e', 0.7), 'kd-20e': summary('alone-20e', 0.71, 0.01, 0.02),
                 'alone-5e': summary('alone-5e', 0.5), 'kd-5e': summary('alone-5e', 0.55, 0.05, 0.01)})
    lines = comparison.budget(dict(budget=longer))
    assert cells(lines[0]) == ['', '5 epochs', '20 epochs']
    assert cells(lines[2]) == ['student alone', '50.0 ± 1.0', '70.0 ± 1.0']
    assert cells(lines[3]) == ['KD', '55.0 ± 1.0 (**+5.0 ± 1.0**)', '71.0 ± 1.0 (+1.0 ± 2.0)']


def test_a_whole_study_is_shown_by_every_metric(comparison):
    rows = {name: dict(summary('lite', mean, *gain), **{'coco/AP': dict(mean=0.1, std=None, difference=None)})
            for name, mean, gain in (('lite', 0.6, ()), ('shuffle', 0.63, (0.03, 0.01)))}
    runs = [dict(name=name, label=name.upper()) for name in rows]
    lines = comparison.whole(dict(runs=runs, summary=rows))
    assert cells(lines[2]) == ['LITE', '60.0 ± 1.0', '60.0 ± 1.0', '10.0', '', '', '']
    assert cells(lines[3]) == ['SHUFFLE', '63.0 ± 1.0', '63.0 ± 1.0', '10.0', '**+3.0 ± 1.0**', '**+3.0 ± 1.0**', '']


def test_a_study_is_shown_in_the_course_of_its_training(comparison):
    runs = [dict(name=name, label=name.upper(), baseline='alone', seed=seed,
                 curve={'10': dict(PCK=late), '2': dict(PCK=early)})
            for name, seed, early, late in (('alone', 0, 0.4, 0.5), ('alone', 1, 0.42, 0.54), ('kd', 0, 0.45, 0.55))]
    rows = {'alone': summary('alone', 0.52), 'kd': summary('alone', 0.55, 0.03, 0.04)}
    lines = comparison.course(dict(runs=runs, summary=rows))
    assert cells(lines[0])[1:4] == ['PCK@0.2 after 2 epochs', 'PCK@0.2 after 10 epochs', 'gain in PCK@0.2']
    assert cells(lines[2])[:4] == ['ALONE', '41.0 ± 1.4', '52.0 ± 2.8', '']  # 2**0.5 and 8**0.5
    assert cells(lines[3])[:4] == ['KD', '45.0', '55.0', '+3.0 ± 4.0']


def test_studies_of_another_size_are_told_by_it(comparison, tmp_path):
    for file in ('lspet-64x64/methods.json', 'lspet-128x128/methods.json', 'step-cost/other.json'):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(json.dumps(file))
    assert comparison.read(tmp_path) == {'methods': 'lspet-64x64/methods.json',
                                         'methods_128x128': 'lspet-128x128/methods.json'}


def test_pages_show_the_results_that_are_there(comparison):
    assert comparison.main(check=True) == []


def test_plot_has_a_row_for_each_method_of_each_study(comparison, studies, tmp_path):
    other = dict(runs=[dict(name='lspd', label='LSPD')], summary=dict(lspd=summary('alone', 0.6, 0.1, 0.02)))
    comparison.plot([studies['methods'], other], tmp_path / 'plot.svg')
    text = (tmp_path / 'plot.svg').read_text()
    assert all(f'>{name}<' in text for name in ('TWO-2', 'KD', 'TWO-1', 'LSPD')) and '>ALONE<' not in text


def test_plot_of_weights_has_the_whole_method_in_each_panel(comparison, monkeypatch, tmp_path):
    rows = {'alone': summary('alone', 0.5), 'multi-kd': summary('alone', 0.6, 0.1, 0.01),
            'alpha-12': summary('alone', 0.58, 0.08, 0.01), 'beta-0.3': summary('alone', 0.57, 0.07, 0.01)}
    figures = []
    monkeypatch.setattr(comparison, 'save', lambda figure, file: figures.append(figure))
    comparison.plot_weights(dict(summary=rows), tmp_path / 'weights.svg')
    curves = [axes.containers[0].lines[0].get_xydata().round(6).tolist() for axes in figures[0].axes]
    assert curves == [[[4, 10], [12, 8]], [[0.3, 7], [3, 10]]]


def test_plot_of_the_course_has_a_curve_for_each_run_the_best_first(comparison, monkeypatch, tmp_path):
    runs = [dict(name=name, label=name.upper(), baseline='alone', seed=0,
                 curve={'10': dict(PCK=late), '2': dict(PCK=early)})
            for name, early, late in (('alone', 0.4, 0.5), ('kd', 0.45, 0.55))]
    rows = {'alone': summary('alone', 0.5), 'kd': summary('alone', 0.55, 0.05, 0.01)}
    figures = []
    monkeypatch.setattr(comparison, 'save', lambda figure, file: figures.append(figure))
    comparison.plot_course(dict(runs=runs, summary=rows), tmp_path / 'course.svg')
    axes, = figures[0].axes
    curves = {curve.get_label(): curve.lines[0].get_xydata().round(6).tolist() for curve in axes.containers}
    assert list(curves.items()) == [('KD', [[2, 45], [10, 55]]), ('ALONE', [[2, 40], [10, 50]])]


def test_plot_of_the_course_ends_a_shorter_training_where_it_ended(comparison, monkeypatch, tmp_path):
    curves = {'short': {'2': dict(PCK=0.45)}, 'long': {'2': dict(PCK=0.4), '10': dict(PCK=0.5)}}
    runs = [dict(name=name, label=name, baseline='long', seed=0, curve=curve) for name, curve in curves.items()]
    figures = []
    monkeypatch.setattr(comparison, 'save', lambda figure, file: figures.append(figure))
    rows = {name: summary('long', 0.5) for name in curves}
    comparison.plot_course(dict(runs=runs, summary=rows), tmp_path / 'course.svg')
    axes, = figures[0].axes
    drawn = {curve.get_label(): curve.lines[0].get_xydata().round(6).tolist() for curve in axes.containers}
    assert drawn == {'short': [[2, 45]], 'long': [[2, 40], [10, 50]]}
