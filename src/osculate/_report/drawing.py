"""Matplotlib figures as SVG that lives inside a page: its colours, its text and its names are the page's."""

from __future__ import annotations

import io
import re
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Matplotlib wants concrete colours and the page's depend on light or dark: each of these stands for a CSS variable.
INK, MUTED, LINE, BLUE, ORANGE, GREEN, RED = (f"#0a0b0{digit}" for digit in range(1, 8))
VARIABLES = {INK: "ink", MUTED: "muted", LINE: "line", BLUE: "blue", ORANGE: "orange", GREEN: "green", RED: "red"}
STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "osculate",
    "font.family": "sans-serif",
    "font.size": 10,
    "mathtext.default": "regular",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.unicode_minus": True,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.7,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "lines.linewidth": 1.7,
    "lines.solid_capstyle": "round",
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
}


@contextmanager
def canvas(width: float, height: float, rows: int = 1, **layout: Any) -> Generator[tuple[Figure, list[Axes]]]:
    """Transparent figure of ``width`` × ``height`` inches with ``rows`` axes, in the page's style.

    Nothing global is touched: no pyplot, and Matplotlib's settings are put back.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        axes: Any = figure.subplots(rows, 1, squeeze=False, **layout)
        yield figure, list(axes[:, 0])


def inline_svg(figure: Figure, name: str, description: str) -> str:
    """Figure as an ``<svg>`` element for HTML: scalable, described, its ids begin with ``name``."""
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(buffer, format="svg", metadata=nothing)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.S)
    text = re.sub(r"<!--.*?-->\n?", "", text, flags=re.S)
    text = re.sub(r"\n\s*", "\n", text)
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'xlink:href="#', f'href="#{name}-', text)
    text = re.sub(r"url\(#", f"url(#{name}-", text)
    text = re.sub(r"<[^>]*>", _rounded, text)
    for colour, variable in VARIABLES.items():
        text = text.replace(colour, f"var(--{variable})")
    box = re.search(r'viewBox="([^"]+)"', text)
    opening = f'<svg viewBox="{box[1] if box else ""}" role="img" aria-label="{_escaped(description)}">'
    return re.sub(r"<svg[^>]*>", lambda _: opening, text, count=1)


def _rounded(tag: re.Match[str]) -> str:
    """Coordinates of an element to hundredths of a point: nobody sees more, and it saves a third of the size."""
    return re.sub(r"(\d+\.\d\d)\d+", r"\1", tag[0])


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
