"""Pictures as SVG that takes its colours from the page, light or dark."""

import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Literal, NamedTuple

from jax_logreg.cli.report.as_csv import Table
from jax_logreg.errors.extras import needs

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.typing import RcKeyType

# matplotlib writes these colours; the names in the page's style sheet take their place.
INK, GRID, MAIN, SECOND = "#010203", "#010204", "#010205", "#010206"
SERIES = tuple(f"#0102{10 + i:02d}" for i in range(10))
_NAMES = {INK: "ink", GRID: "grid", MAIN: "main", SECOND: "second"}
_NAMES |= {colour: f"series{i}" for i, colour in enumerate(SERIES)}
# Inches of a picture: about as wide as a phone, so that its letters keep their size there.
WIDTH, HEIGHT = 4.8, 3.0
_STYLE: "dict[RcKeyType, object]" = {
    "svg.fonttype": "none",
    "svg.hashsalt": "jax_logreg",
    # Names may hold dollars, and parsing them takes as long as all the drawing.
    "text.parse_math": False,
    "font.size": 10,
    "axes.titlesize": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": GRID,
    "legend.edgecolor": GRID,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
}
_NO_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))
# The tables that pictures are drawn from, by file name.
Tables = Mapping[str, Table]


class Picture(NamedTuple):
    """An SVG picture with its title, the CSV file of its numbers, and a note."""

    title: str
    svg: str
    table: str
    note: str = ""


@contextmanager
def drawing(height: float = HEIGHT, fixed: bool = False) -> Iterator[tuple["Figure", "Axes"]]:
    """Yield a figure in the page's style, and its axes.

    Margins follow from the labels, or are `fixed`, which takes half the time.
    """
    with panels(1, 1, height, fixed) as (figure, (axes,)):
        yield figure, axes


@contextmanager
def panels(
    rows: int, columns: int, height: float, fixed: bool = False
) -> Iterator[tuple["Figure", list["Axes"]]]:
    """Yield a figure as `drawing` does, and the axes of its panels, row by row."""
    with needs("run"):
        from matplotlib import rc_context
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure
    with rc_context(_STYLE):
        figure = Figure(figsize=(WIDTH, height), facecolor="none")
        figure.set_layout_engine("none" if fixed else "constrained")
        if fixed:
            figure.subplots_adjust(0.14, 0.5 / height, 0.97, 0.97)
        FigureCanvasSVG(figure)
        yield figure, list(figure.subplots(rows, columns, squeeze=False).flat)


def log_scale(axes: "Axes", axis: Literal["x", "y"]) -> None:
    """Make axis "x" or "y" logarithmic, with plain numbers at its powers of ten."""
    with needs("run"):
        from matplotlib.ticker import FuncFormatter, NullFormatter
    axes.set(**{f"{axis}scale": "log"})
    chosen = getattr(axes, f"{axis}axis")
    chosen.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    chosen.set_minor_formatter(NullFormatter())


def to_svg(figure: "Figure", name: str, alt: str) -> str:
    """Return the figure as inline SVG with ids under a name, and with `alt` for screen readers."""
    with needs("run"):
        from matplotlib import rc_context
    text = io.StringIO()
    with rc_context(_STYLE):
        figure.savefig(text, format="svg", metadata=_NO_METADATA, transparent=True)
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    for colour, variable in _NAMES.items():
        svg = svg.replace(colour, f"var(--{variable})")
    # Several pictures share one page, where their ids may not collide.
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    label = escape(alt, quote=True)
    return svg.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)


def short(text: object, most: int = 28) -> str:
    """Return the text without control characters, and without its middle where it is longer."""
    text = str(text)
    if len(text) > most:
        text = f"{text[: most - most // 3 - 1]}…{text[-(most // 3) :]}"
    return "".join(c if c.isprintable() else "·" for c in text)
