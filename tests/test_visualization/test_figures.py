import sys

import numpy as np
from matplotlib.figure import Figure

from mmpose_kd.visualization import draw_allocation, draw_distributions, draw_heatmaps, draw_matrix
from mmpose_kd.visualization.figures import to_image


def difference(a, b):
    return np.abs(a.astype(int) - b).max(-1)


def test_figure_becomes_a_picture_in_its_colours():
    figure = Figure(figsize=(1, 0.5), dpi=40, facecolor='red')
    picture = to_image(figure)
    assert picture.shape == (20, 40, 3)
    assert (picture == (255, 0, 0)).all()


def test_distribution_is_drawn_where_its_bins_are():
    def picture(bin_number):
        x, y = np.zeros((1, 128)), np.zeros((1, 128))
        x[0, bin_number] = y[0, 64] = 1
        return draw_distributions(dict(student=(x, y)), ['wrist'], (64, 64))

    left = np.nonzero(difference(picture(32), picture(96)).any(0))[0]
    width = picture(32).shape[1]
    assert left.min() > 0 and left.max() < width / 2  # the x axis of the only joint is the left panel
    assert left.max() - left.min() > width / 8


def test_label_is_drawn_only_where_there_is_one():
    rows = dict(student=(np.full((1, 8), 1 / 8), np.full((1, 8), 1 / 8)))
    without = draw_distributions(rows, ['wrist'], (64, 64))
    unlabelled = draw_distributions(rows, ['wrist'], (64, 64), np.full((1, 2), np.nan))
    labelled = draw_distributions(rows, ['wrist'], (64, 64), np.array([[20., 30.]]))
    assert (without == unlabelled).all()
    assert (without != labelled).any()


def test_heatmaps_have_a_row_for_each_model():
    maps = np.random.default_rng(0).random((2, 8, 6))
    one = draw_heatmaps(dict(student=maps), ['wrist', 'knee'])
    two = draw_heatmaps(dict(student=maps, teacher=maps), ['wrist', 'knee'])
    assert two.shape[1] == one.shape[1]
    assert two.shape[0] > 1.5 * one.shape[0]


def test_matrix_leaves_a_blank_for_nan():
    number = draw_matrix(np.array([[0.5, 0.5]]), ['a'], ['b', 'c'], 'title')
    blank = draw_matrix(np.array([[0.5, np.nan]]), ['a'], ['b', 'c'], 'title')
    changed = np.nonzero(difference(number, blank).any(0))[0]
    assert changed.min() > number.shape[1] / 3  # the second column alone


def test_allocation_shows_the_newest_weights_and_the_ones_before():
    pairs = [(0, 0), (0, 1), (1, 1)]
    first = draw_allocation([10], np.array([[0.2, 0.3, 0.5]]), pairs)
    both = draw_allocation([10, 20], np.array([[0.9, 0.05, 0.05], [0.2, 0.3, 0.5]]), pairs)
    assert first.shape == both.shape
    assert difference(first, both)[:, first.shape[1] // 2:].any()


def test_pyplot_is_not_involved():
    draw_matrix(np.ones((1, 1)), ['a'], ['b'], 'title')
    pyplot = sys.modules.get('matplotlib.pyplot')
    assert pyplot is None or not pyplot.get_fignums()
