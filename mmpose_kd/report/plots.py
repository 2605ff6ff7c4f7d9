"""Curves as pictures that a page holds in itself."""
import base64
import io
from typing import Any, Dict, Iterable, NamedTuple, Optional, Sequence, Tuple, Union

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

MOST_POINTS = 400  # of a curve
Values = Union[Sequence[float], np.ndarray]
_STYLE: Any = {'svg.fonttype': 'none', 'font.size': 9, 'text.parse_math': False}


class Line(NamedTuple):
    """A curve.

    Args:
        colour (str): Its colour.
        x (Sequence[float] | np.ndarray): Abscissae.
        y (Sequence[float] | np.ndarray): Ordinates.
    """
    colour: str
    x: Values
    y: Values


def curves(lines: Sequence[Line], x_label: str, diagonal: bool = False, log: bool = False) -> str:
    """A chart of curves.

    Args:
        lines (Sequence[Line]): The curves. One of few points has marks at them, and one of many is thinned.
        x_label (str): What the abscissa is.
        diagonal (bool): Whether to draw the line on which both are equal. Default: False.
        log (bool): Whether the ordinate is logarithmic, where all values are above 0. Default: False.

    Returns:
        str: An SVG picture, as a data URI.
    """

    def draw(axes: Axes) -> None:
        for line in lines:
            step = -(-len(line.x) // MOST_POINTS)
            marker = '.' if len(line.x) <= 30 else None
            axes.plot(line.x[::step], line.y[::step], color=line.colour, linewidth=1.3, marker=marker)
        if diagonal:
            axes.plot([0, 1], [0, 1], color='grey', linewidth=0.8, linestyle=':')
        if log and min(np.min(line.y) for line in lines) > 0:
            axes.set_yscale('log')
        if not diagonal:
            axes.xaxis.set_major_locator(MaxNLocator(6, integer=all(float(x).is_integer() for x in lines[0].x)))
        axes.set_xlabel(x_label)

    return _svg(draw)


def points(places: Dict[str, Tuple[float, float]], hues: Dict[str, str], x_label: str, y_label: str) -> str:
    """A chart of one point for each name.

    Args:
        places (dict[str, tuple]): Abscissa, which is drawn logarithmically, and ordinate by name.
        hues (dict[str, str]): Colours by name.
        x_label (str): What the abscissa is.
        y_label (str): What the ordinate is.

    Returns:
        str: An SVG picture, as a data URI.
    """

    def draw(axes: Axes) -> None:
        for name, (x, y) in places.items():
            axes.plot([x], [y], 'o', color=hues[name])
        axes.set_xscale('log')
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))  # more would overlap
        axes.xaxis.set_major_formatter('{x:g}')
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)

    return _svg(draw)


def data_uri(kind: str, content: bytes) -> str:
    """A file as an address that holds it."""
    return f'data:{kind};base64,{base64.b64encode(content).decode()}'


def _svg(draw) -> str:
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(4.4, 3), layout='constrained')
        axes = figure.subplots()
        draw(axes)
        axes.grid(alpha=0.3)
        file = io.BytesIO()
        figure.savefig(file, format='svg', metadata=dict(Date=None))
    return data_uri('image/svg+xml', file.getvalue())


def finite(pairs: Iterable[Tuple[float, Optional[float]]]) -> Tuple[np.ndarray, np.ndarray]:
    """Abscissae and ordinates of the pairs that can be drawn."""
    kept = np.array([(x, y) for x, y in pairs if y is not None and np.isfinite(y)], float).reshape(-1, 2)
    return kept[:, 0], kept[:, 1]
