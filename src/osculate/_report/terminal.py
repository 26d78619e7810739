"""The report in some ten lines of plain text."""

from __future__ import annotations

from .data import Number, ReportData
from .words import number, percent, plus_minus, ratio, several


def summary(data: ReportData) -> str:
    """Verdict, the main numbers, the stiff layer, and what to do first; no colour, no control characters."""
    rows = {
        "training": _training(data),
        "value": _pairs((("f", data.number("value")), ("‖∇f‖", data.number("gradient_norm")))),
        "spectrum": _pairs((("λ_max", data.number("sharpness")), ("λ_min", data.number("lowest")))),
        "": _pairs((("trace", data.number("trace")), ("κ", data.number("condition")))),
        "negative": _negative(data),
        "stiffest": _stiffest(data),
        "took": _took(data),
    }
    lines = [data.title, data.verdict, *(f"  {label:<10}{text}" for label, text in rows.items() if text)]
    return "\n".join([*lines, *(f"Now: {sentence}" for sentence in data.advice[:1])])


def _pairs(named: tuple[tuple[str, Number | None], ...]) -> str:
    return ", ".join(f"{name} = {plus_minus(found.value, found.error)}" for name, found in named if found is not None)


def _training(data: ReportData) -> str:
    ends = [f"{run.label} at {ratio(run.ratios[-1])}" for run in data.training if run.ratios]
    steps = max((run.steps[-1] for run in data.training if run.steps), default=0.0)
    return f"sharpness / threshold after {number(steps, 7)} steps: {', '.join(ends)}" if ends else ""


def _negative(data: ReportData) -> str:
    share = data.number("clearly_negative") or data.number("negative_mass")
    if share is None:
        return ""
    bar = "" if share.error is None else f" ± {percent(share.error)}"
    return f"{percent(share.value)}{bar} of {several(data.size, 'eigenvalue')}"


def _stiffest(data: ReportData) -> str:
    masses = [(layer.mass, layer.name) for layer in data.layers if layer.mass is not None]
    if not masses:
        return ""
    mass, name = max(masses)
    return f"{name} holds {percent(mass)} of the stiffest direction"


def _took(data: ReportData) -> str:
    lacking = f"; not measured: {', '.join(item.what for item in data.missing)}" if data.missing else ""
    return f"{several(data.products, 'Hessian-vector product')} in {data.dtype}{lacking}"
