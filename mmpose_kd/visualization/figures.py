"""Figures of what a distillation compares, as RGB pictures."""
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

LINES = ('-', '--', '-.', ':')


def draw_distributions(distributions: Dict[str, Tuple[np.ndarray, np.ndarray]],
                       joints: Sequence[str],
                       size: Tuple[int, int],
                       labels: Optional[np.ndarray] = None) -> np.ndarray:
    """SimDR distributions of one person's joints, a row for each joint, as Fig. 4 of Multi-KD (Xu et al., BMVC 2024).

    Args:
        distributions (dict[str, tuple[np.ndarray]]): For each model, probabilities (J, Wx) and (J, Wy) of the bins.
        joints (Sequence[str]): Names of the J joints.
        size (tuple[int, int]): Input size (w, h) in pixels.
        labels (np.ndarray, optional): Labelled positions (J, 2) in pixels, NaN where there is none. Default: None.

    Returns:
        np.ndarray: RGB picture, uint8.
    """
    figure = Figure(figsize=(9, 1.8 * len(joints) + 0.6), layout='constrained')
    panels = figure.subplots(len(joints), 2, squeeze=False)
    for row, joint in enumerate(joints):
        for axis, panel in enumerate(panels[row]):
            for i, (title, rows) in enumerate(distributions.items()):
                values = rows[axis][row]
                pixels = np.arange(len(values)) * size[axis] / len(values)
                panel.plot(pixels, values, LINES[i % len(LINES)], linewidth=1.2, label=title)
            if labels is not None and np.isfinite(labels[row, axis]):
                panel.axvline(labels[row, axis], color='black', linewidth=0.8, label='label')
            panel.set_xlim(0, size[axis])
            panel.set_ylim(0)
            panel.set_title(f'{joint}, {"xy"[axis]}', fontsize=9)
            panel.tick_params(labelsize=7)
    panels[0, 0].legend(fontsize=7)
    figure.supxlabel('pixels of the input', fontsize=8)
    figure.supylabel('probability of a bin', fontsize=8)
    return to_image(figure)


def draw_heatmaps(heatmaps: Dict[str, np.ndarray], joints: Sequence[str]) -> np.ndarray:
    """Heatmaps of one person's joints, a row for each model and a column for each joint.

    Args:
        heatmaps (dict[str, np.ndarray]): For each model, heatmaps (J, H, W).
        joints (Sequence[str]): Names of the J joints.

    Returns:
        np.ndarray: RGB picture, uint8.
    """
    figure = Figure(figsize=(1.6 * len(joints) + 0.6, 1.8 * len(heatmaps) + 0.4), layout='constrained')
    panels = figure.subplots(len(heatmaps), len(joints), squeeze=False)
    for row, (title, maps) in enumerate(heatmaps.items()):
        for column, joint in enumerate(joints):
            panel, heatmap = panels[row, column], maps[column]
            panel.imshow(heatmap, cmap='viridis')
            panel.set_title(f'{joint}\nmax {heatmap.max():.2f}', fontsize=7)
            panel.set_xticks([])
            panel.set_yticks([])
        panels[row, 0].set_ylabel(title, fontsize=8)
    return to_image(figure)


def draw_matrix(values: np.ndarray, rows: Sequence[str], columns: Sequence[str], title: str) -> np.ndarray:
    """A matrix with its numbers.

    Args:
        values (np.ndarray): The matrix (R, C); NaN is left blank.
        rows (Sequence[str]): Names of the rows.
        columns (Sequence[str]): Names of the columns.
        title (str): What the numbers are.

    Returns:
        np.ndarray: RGB picture, uint8.
    """
    figure = Figure(figsize=(1.1 * len(columns) + 3, 0.5 * len(rows) + 2.2), layout='constrained')
    panel = figure.subplots()
    _matrix(panel, values, rows, columns)
    panel.set_title(title, fontsize=9)
    return to_image(figure)


def draw_allocation(steps: Sequence[int], weights: np.ndarray, pairs: Sequence[Tuple[int, int]]) -> np.ndarray:
    """Weights of the stage pairs, now as a matrix and through time as curves: gamma in Eq. 4 of Multi-KD.

    Args:
        steps (Sequence[int]): Training steps, T of them.
        weights (np.ndarray): Mean weight of each pair at these steps (T, P).
        pairs (Sequence[tuple[int]]): The P pairs (teacher stage, student stage), counted from 0.

    Returns:
        np.ndarray: RGB picture, uint8.
    """
    matrix = np.full(np.max(pairs, axis=0) + 1, np.nan)
    for (teacher, student), weight in zip(pairs, weights[-1]):
        matrix[teacher, student] = weight
    figure = Figure(figsize=(9.5, 3.4), layout='constrained')
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.6))
    _matrix(left, matrix, _stages('teacher', len(matrix)), _stages('student', matrix.shape[1]))
    left.set_title(f'weights at step {steps[-1]}', fontsize=9)
    for i, (teacher, student) in enumerate(pairs):
        style = LINES[i // 10 % len(LINES)]
        right.plot(steps, weights[:, i], style, marker='.', label=f'teacher {teacher + 1}, student {student + 1}')
    right.axhline(1 / len(pairs), color='black', linewidth=0.6, linestyle=':')
    right.set_xlabel('step', fontsize=8)
    right.set_ylabel('weight; dotted: all equal', fontsize=8)
    right.tick_params(labelsize=7)
    right.legend(fontsize=7, loc='center left', bbox_to_anchor=(1, 0.5))
    return to_image(figure)


def to_image(figure: Figure) -> np.ndarray:
    """A figure as an RGB picture (H, W, 3), uint8; pyplot and what it keeps are not involved."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _matrix(panel, values: np.ndarray, rows: Sequence[str], columns: Sequence[str]) -> None:
    panel.imshow(values, cmap='viridis', vmin=0, vmax=1, aspect='auto')
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            colour = 'black' if value > 0.6 else 'white'
            panel.text(column, row, f'{value:.2f}', ha='center', va='center', color=colour, fontsize=8)
    panel.set_xticks(range(len(columns)), columns, fontsize=7, rotation=20, ha='right')
    panel.set_yticks(range(len(rows)), rows, fontsize=7)


def _stages(side: str, number: int) -> List[str]:
    return [f'{side} {i + 1}' for i in range(number)]
