"""The report as one self-contained HTML page."""

from __future__ import annotations

from importlib import resources
from typing import Any

from osculate._errors import MissingExtra

from . import words
from .data import Number, ReportData
from .drawing import VARIABLES
from .pictures import RUNS, slice_picture, spectrum_picture, training_picture
from .verdict import EDGE, STIFF

TILES = ("value", "gradient_norm", "sharpness", "lowest", "trace", "condition", "clearly_negative", "negative_mass")
ENDS = 6
"""Eigenvalues listed at each end of the spectrum."""


def render(data: ReportData) -> str:
    """Page, at most about 300 kB, with every number of ``data`` in a ``<data value>`` element of full precision.

    Raises
    ------
    MissingExtra
        If Jinja2 or Matplotlib is not installed.
    """
    try:
        import jinja2
        import markupsafe
        import matplotlib as _matplotlib  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except ImportError as error:
        raise MissingExtra(
            "osculate.report",
            f"the page needs {error.name}, which is not installed.",
            remedy='python -m pip install "osculate[report]"; .json() and the text need nothing more',
        ) from error
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    filters: Any = environment.filters
    filters |= {
        "number": words.number,
        "ratio": words.ratio,
        "exact": exact,
        "percent": words.percent,
        "count": words.several,
        "shape": shape_in_words,
    }
    template = environment.from_string(_resource("page.html.j2"))
    pictures = {
        "spectrum": spectrum_picture(data),
        "training": training_picture(data),
        "slices": [(piece, markupsafe.Markup(slice_picture(data, piece))) for piece in data.slices],
    }
    drawn = {name: markupsafe.Markup(svg) if isinstance(svg, str) else svg for name, svg in pictures.items()}
    css = markupsafe.Markup(_resource("page.css"))
    return template.render(data=data, css=css, pictures=drawn, **context(data)) + "\n"


def context(data: ReportData) -> dict[str, Any]:
    """Choose what the template shows that is chosen from the data rather than stored in it."""
    values = data.spectrum.eigenvalues if data.spectrum else ()
    lower = data.spectrum.lower if data.spectrum and len(values) > ENDS else 0
    masses = {layer.name: layer.mass or 0.0 for layer in data.layers}
    stiff = max(masses, key=masses.__getitem__) if masses else None
    return {
        "tiles": [number for key in TILES if (number := data.number(key)) is not None][:6],
        "colours": [VARIABLES[colour] for colour in RUNS],
        "gauge": gauge(data.stability.ratio),
        "negative": data.number("clearly_negative") or data.number("negative_mass"),
        "largest": values[lower:][::-1][:ENDS],
        "smallest": values[:lower][:ENDS],
        "stiff": stiff if stiff is not None and masses[stiff] >= STIFF else None,
        "rows": rows(data),
    }


def rows(data: ReportData) -> list[Number]:
    """Every measured number of the report, those of the layers last."""
    inner = [number for layer in data.layers for number in (layer.trace, layer.top) if number is not None]
    return [*data.numbers, *inner]


def gauge(ratio: float | None) -> dict[str, Any] | None:
    """How far the bar below the verdict is filled, in percent of its length, and where its mark stands."""
    if ratio is None:
        return None
    longest = max(1.25, min(1.1 * ratio, 4.0))
    state = "beyond" if ratio > 1 + EDGE else "edge" if ratio >= 1 - EDGE else "below"
    return {"fill": round(100 * min(max(ratio, 0) / longest, 1), 2), "mark": round(100 / longest, 2), "state": state}


def exact(value: float | int) -> str:
    """Write the number as the JSON file writes it."""
    return repr(value)


def shape_in_words(shape: tuple[int, ...]) -> str:
    """``(64, 40)`` as 64 × 40; a scalar's as a word."""
    return " × ".join(f"{length:,}" for length in shape) or "scalar"


def _resource(name: str) -> str:
    return resources.files(__package__ or "").joinpath(name).read_text(encoding="utf-8")
