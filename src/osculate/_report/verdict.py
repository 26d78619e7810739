"""What the numbers mean: one sentence of verdict, and what to do now."""

from __future__ import annotations

from .data import Layer, Number, ReportData
from .words import number, percent
from .words import ratio as ratio_in_words

EDGE = 0.05
"""Within 5 % of the threshold counts as the edge: training hovers about it by that much (Cohen et al. 2021)."""
STIFF = 0.5
"""A layer that holds more than half of the top eigenvector is called the stiff one."""
STALLS = ("saddle", "maximum", "degenerate")
NAMES = {"gd": "gradient descent", "momentum": "heavy-ball momentum", "adam": "Adam"}


def verdict(data: ReportData) -> str:
    """One sentence: the kind of point and its sharpness, and the ratio to the threshold where there is one."""
    sharpness = data.number("sharpness")
    if sharpness is None:
        return f"The spectrum could not be measured: the value is {number(_value(data, 'value'))} and no more is known."
    kind = kind_in_words(data)
    ratio = data.stability.ratio
    if ratio is None:
        return f"{kind}; its sharpness is {number(sharpness.value)}, {_what_is_lacking(data)}."
    felt = data.stability.sharpness or sharpness
    name = "preconditioned sharpness" if data.stability.optimizer == "adam" else "sharpness"
    comparison = f"{number(felt.value)}, is {ratio_in_words(ratio)} × the threshold {data.stability.formula} = "
    comparison += f"{number(data.stability.threshold)} of {NAMES[data.stability.optimizer]}"
    return f"{_place(ratio)}: the {name}, {comparison}; {kind[0].lower()}{kind[1:]}."


def kind_in_words(data: ReportData) -> str:
    """Kind of point as a clause that starts with a capital."""
    lowest = data.number("lowest")
    below = lowest is not None and data.spectrum is not None and lowest.value < -data.spectrum.errors[0]
    gradient = number(_value(data, "gradient_norm"), 3)
    if data.kind == "regular":
        if lowest is None:
            return f"The point is not critical (‖∇f‖ = {gradient})"
        if not below:
            return f"The point is not critical (‖∇f‖ = {gradient}), no negative curvature was found"
        return f"The point is not critical (‖∇f‖ = {gradient}) and has curvature down to {number(lowest.value, 3)}"
    index = _value(data, "index")
    return {
        "minimum": "The point is a minimum",
        "maximum": "The point is a maximum",
        "saddle": f"The point is a saddle of index {number(index)}",
        "degenerate": "The point is critical and degenerate: second derivatives do not decide its kind",
    }.get(data.kind or "", "The kind of point is unknown")


def advice(data: ReportData) -> tuple[str, ...]:
    """Say what to do now, each a sentence or two that follows from a number of this report."""
    first = (_about_step_size, _about_point)
    if data.kind in STALLS:  # whoever stands at such a point has a more urgent question than the step size
        first = first[::-1]
    rules = (*first, _about_layers, _about_second_order, _about_reach, _about_interruption)
    return tuple(sentence for rule in rules for sentence in rule(data))


def _about_step_size(data: ReportData) -> list[str]:
    state, sharpness = data.stability, data.number("sharpness")
    if sharpness is None or sharpness.value <= 0:
        return []
    if state.ratio is None or state.learning_rate is None or state.sharpness is None:
        return [f"Gradient descent is stable here for step sizes below 2/λ_max = {number(2 / sharpness.value)}."]
    largest = state.learning_rate / state.ratio if state.ratio > 0 else float("inf")
    rate = number(state.learning_rate)
    if state.ratio > 1 + EDGE:
        return [
            f"Lower the step size from {rate} to below {number(largest)}, or warm it up from there: the quadratic "
            f"model is unstable at {rate}, so the part of the error along the stiffest direction grows with each step."
        ]
    if state.ratio >= 1 - EDGE:
        return [
            f"Do not raise the step size of {rate}: the sharpness is held at the threshold by it, so the loss falls "
            "over many steps but not in each. A larger step size leads to a flatter place, a smaller one lets the "
            "sharpness rise; to finish smoothly, decay it at the end."
        ]
    return [
        f"The step size {rate} may be raised up to {number(1 / state.ratio, 2)} times, to {number(largest)}, before "
        "the stiffest direction becomes unstable."
    ]


def _about_point(data: ReportData) -> list[str]:
    lowest, spectrum = data.number("lowest"), data.spectrum
    if lowest is None or spectrum is None or lowest.value >= -spectrum.errors[0]:
        return []
    where = f"There is a way down along the direction of most negative curvature ({number(lowest.value, 3)})"
    if data.kind in STALLS:
        return [
            f"{where}, which gradient descent from exactly this point would not find: step along it, to either side."
        ]
    size = abs(lowest.value) / max(abs(spectrum.eigenvalues[-1]), 1e-300)
    if size < 0.01:
        return []
    return [
        f"{where}, {percent(size)} of the sharpness in size: a Newton step would go up along it, so use a method that "
        "takes |λ| or a trust region, not plain Newton."
    ]


def _about_layers(data: ReportData) -> list[str]:
    measured = [layer for layer in data.layers if layer.mass is not None and layer.top is not None]
    if len(measured) < 2:
        return []
    stiff = max(measured, key=lambda layer: layer.mass or 0)
    mass = stiff.mass or 0.0
    if mass < STIFF:
        return [
            f"The stiffest direction is spread over the layers (at most {percent(mass)}, in {stiff.name}): one step "
            "size for all is not held back by a single layer."
        ]
    others = max((top_of(layer) for layer in measured if layer is not stiff), default=0.0)
    sentence = f"The stiff layer is {stiff.name}: it holds {percent(mass)} of the stiffest direction."
    if 0 < others < top_of(stiff) / 1.5:
        times = number(top_of(stiff) / others, 2)
        sentence += f" With a step size of its own, the others could take about {times} times larger ones."
    return [sentence]


def _about_second_order(data: ReportData) -> list[str]:
    condition, rate = data.number("condition"), data.number("rate")
    if condition is not None and rate is not None and condition.value > 100:
        return [
            f"The condition number is {number(condition.value)}: gradient descent keeps {number(rate.value, 6)} of the "
            "error in each step at best. A second-order step (Newton, or osculate.hvp in conjugate gradients) pays."
        ]
    share, best = data.number("gradient_share"), data.number("best_step")
    if share is None or best is None:
        return []
    text = (
        f"{percent(share.value)} of ‖∇f‖² lies in the 10 stiffest of {data.size:,} directions; along the gradient the "
    )
    text += f"best single step is {number(best.value, 3)}"
    if data.stability.learning_rate:
        text += f" ({number(best.value / data.stability.learning_rate, 2)} × yours)"
    if share.value > 0.5:
        return [f"{text}. Most of each step fights the stiff directions: preconditioning just these would pay."]
    return [
        f"{text}. Most of the gradient is outside the stiff directions, where curvature is too small to hold it back."
    ]


def _about_reach(data: ReportData) -> list[str]:
    top = next((piece for piece in data.slices if piece.key == "top1"), None)
    if top is None or top.reach is None:
        return []
    return [
        f"Trust the quadratic picture up to {number(top.reach, 2)} away along the stiffest direction: farther out, "
        "third- and fourth-order terms are more than half of it."
    ]


def _about_interruption(data: ReportData) -> list[str]:
    return ["The analysis was stopped with Ctrl-C: run it again for what is missing below."] if data.interrupted else []


def _place(ratio: float) -> str:
    if ratio > 1 + EDGE:
        return "Beyond the edge of stability"
    return "At the edge of stability" if ratio >= 1 - EDGE else "Below the edge of stability"


def _what_is_lacking(data: ReportData) -> str:
    if data.stability.learning_rate is None:
        return "and judging it needs a step size"
    return "and judging it for Adam needs the second moment of the gradients"


def top_of(layer: Layer) -> float:
    """Largest eigenvalue of a layer's block, 0 where it was not measured."""
    return 0.0 if layer.top is None else layer.top.value


def _value(data: ReportData, key: str) -> float | None:
    found: Number | None = data.number(key)
    return None if found is None else found.value
