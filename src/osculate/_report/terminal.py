"""The report in some ten lines of plain text."""

from __future__ import annotations

from .data import Number, ReportData
from .words import percent, plus_minus, several


def summary(data: ReportData) -> str:
    """Verdict, the main numbers, the stiff layer, and what to do first; no colour, no control characters."""
    lines = [data.title, data.verdict, ""]
    lines += [_line(label, data.number(key)) for key, label in _NUMBERS if data.number(key) is not None]
    share = data.number("clearly_negative") or data.number("negative_mass")
    if share is not None:
        bar = "" if share.error is None else f" ± {percent(share.error)}"
        lines.append(f"  {'negative eigenvalues':<22}{percent(share.value)}{bar} of {data.size:,}")
    masses = [(layer.mass, layer.name) for layer in data.layers if layer.mass is not None]
    if masses:
        mass, name = max(masses)
        lines.append(f"  {'stiffest layer':<22}{name}, {percent(mass)} of the stiffest direction")
    lines.append(f"  {'took':<22}{several(data.products, 'Hessian-vector product')} in {data.dtype}")
    if data.missing:
        lines.append(f"  {'not measured':<22}{'; '.join(item.what for item in data.missing)}")
    if data.advice:
        lines += ["", f"Now: {data.advice[0]}"]
    return "\n".join(lines)


_NUMBERS = (
    ("value", "value"),
    ("gradient_norm", "‖gradient‖"),
    ("sharpness", "sharpness λ_max"),
    ("lowest", "λ_min"),
    ("trace", "trace"),
)


def _line(label: str, found: Number | None) -> str:
    return f"  {label:<22}{plus_minus(found.value, found.error)}" if found else f"  {label:<22}—"
