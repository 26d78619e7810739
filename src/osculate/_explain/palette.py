"""Colours of the pictures: apart for colour-blind eyes, and each with a partner for dark pages."""

from __future__ import annotations

from typing import Any

INK, MUTED, LINE, PAPER = "#1a1e24", "#626c78", "#dde1e6", "#fffffe"
BLUE, ORANGE, GREEN, RED = "#1d5fc4", "#b95400", "#14795a", "#c22f4b"

# Each colour's name in the page's style, and what it becomes on a dark page.
DARK = {
    "ink": (INK, "#e7e9ec"),
    "muted": (MUTED, "#9aa5b1"),
    "line": (LINE, "#323944"),
    "paper": (PAPER, "#191d24"),
    "blue": (BLUE, "#7db2ff"),
    "orange": (ORANGE, "#f3a255"),
    "green": (GREEN, "#5ccb9f"),
    "red": (RED, "#ff8298"),
}

STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "osculate",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.facecolor": "none",
    "axes.linewidth": 0.8,
    "axes.axisbelow": True,
    "figure.facecolor": PAPER,
    "savefig.dpi": 150,
    "grid.color": LINE,
    "grid.linewidth": 0.7,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    "legend.fontsize": 9.5,
}
