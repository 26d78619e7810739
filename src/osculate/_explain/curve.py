"""A function of one variable, computed: its derivatives at a point, its extrema and inflections over a window."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from osculate._arguments import Point, point
from osculate._errors import OsculateError, WrongInput
from osculate._geometry import classify
from osculate._jets import taylor
from osculate._results import Estimate

from .bent import bent
from .data import FOUND, Array, Curve, Place, Window
from .lines import lines
from .search import (
    INTERVALS,
    ORDINALS,
    Crossing,
    Jets,
    Samples,
    crossings,
    irregular_order,
    jumps,
    rounding_level,
    sample,
    undefined,
)
from .subject import ASKED, Subject

HALF_WIDTH = 3.0
_SLOPE = 1e-3
_SIDE = 1e-6
_CANDIDATES = (0.0, 1.0, -1.0, 0.5, 2.0, -0.5, -2.0, 10.0, -10.0)


def curve_of(subject: Subject, on: Window | None, order: int) -> Curve:
    """Compute all that is said about a function of one variable.

    Raises
    ------
    WrongInput
        If f or one of its first two derivatives is not finite at the point; or anywhere, where no point was given.
    """
    at = subject.at if isinstance(subject.at, float) else None
    here = _traced(subject, at)
    jets = lines(here)(0.0, 1.0)
    notes = list(subject.notes)
    if at is None:
        at = _chosen_point(jets, on, notes, subject.names[0])
    elif not np.isfinite(jets(np.array([at]))[:3]).all():
        raise _not_finite(jets, at, subject.names[0])
    window = on or (at - HALF_WIDTH, at + HALF_WIDTH)
    samples = sample(jets, *window)
    if on is None:
        window, samples = _trimmed(jets, window, samples, at)
    return _assembled(subject, here, jets, at, window, samples, order, notes)


def _traced(subject: Subject, at: float | None) -> Point:
    try:
        here = point(ASKED, subject.function, (0.5 if at is None else at,))
    except OsculateError:
        raise
    except Exception as error:
        if at is not None:
            raise
        problem = f"{subject.title} cannot be called with one number: {type(error).__name__}: {error}"
        raise WrongInput(ASKED, problem, remedy="give the point, which shows what it takes: at=[0.0, 1.0].") from error
    here.require_scalar()
    return here


def _assembled(
    subject: Subject,
    here: Callable[..., Any],
    jets: Jets,
    at: float,
    window: Window,
    samples: Samples,
    order: int,
    notes: list[str],
) -> Curve:
    irregular = irregular_order(jets, at, (window[1] - window[0]) / INTERVALS)
    if irregular is not None:
        which = ORDINALS[irregular]
        notes.append(
            f"{which} is not continuous at {subject.names[0]} = {at:g}: derivatives given there are a convention"
        )
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # a note of ours says it
        expansion = taylor(here, max(order, 2))(at)
    derivatives = np.asarray(expansion.derivatives, dtype=np.float64)
    bend = bent(np.array([at]), derivatives[0], derivatives[1:2], derivatives[2:3, None])
    straight = bool(abs(derivatives[2]) <= rounding_level(samples, 2))
    inflections, samples = _inflections(jets, samples)
    extrema, breaks = _extrema(jets, samples)
    leaps = [Estimate(x, error, FOUND, INTERVALS) for x, error in jumps(jets, samples)]
    gaps = tuple(undefined(jets, samples))
    near = 1e-6 * (window[1] - window[0])
    extrema, inflections = _standing(extrema, leaps, near), _standing(inflections, leaps, near)
    taken = [float(place.at) for place in (*extrema, *inflections)] + [end for gap in gaps for end in gap]
    return Curve(
        title=subject.title,
        name=subject.names[0],
        notes=tuple(notes),
        at=at,
        derivatives=derivatives[: order + 1],
        coefficients=np.asarray(expansion.coefficients, dtype=np.float64)[: order + 1],
        kind=_kind(here, at, derivatives, samples, irregular, (*extrema, *inflections)),
        concavity=_concavity(float(derivatives[2]), straight, irregular),
        kappa=float(bend.kappa) if irregular is None else float("nan"),
        radius=float(bend.radius) if irregular is None else float("nan"),
        center=None if straight or irregular is not None else np.asarray(bend.center),
        window=window,
        extrema=extrema,
        inflections=inflections,
        breaks=_apart([*breaks, *leaps], taken),
        undefined=gaps,
        x=samples.x,
        y=samples.jets[0],
    )


def _chosen_point(jets: Jets, on: Window | None, notes: list[str], name: str) -> float:
    """The point to look at when none was given: 0 where f is smooth there, else a near one, else one in the window."""
    candidates = np.array(_CANDIDATES)
    if on is not None:
        low, high = on
        inner = np.linspace(low, high, 34)[1:-1]
        inner = inner[np.argsort(np.abs(inner - (low + high) / 2), kind="stable")]
        candidates = np.concatenate([candidates[:1], [(low + high) / 2], inner])
        candidates = candidates[(low <= candidates) & (candidates <= high)]
    # Both sides count too: at its edge a function has no derivative.
    fine = np.all([np.isfinite(jets(candidates + side)[:3]).all(0) for side in (-_SIDE, 0.0, _SIDE)], axis=0)
    if not fine.any():
        where = f"in the window {on[0]:g}:{on[1]:g}" if on else f"at {', '.join(f'{c:g}' for c in sorted(_CANDIDATES))}"
        raise WrongInput(
            ASKED,
            f"f and its first two derivatives are not finite {where}.",
            remedy="give a point with at=… where f is finite.",
        )
    chosen = float(candidates[fine.argmax()])
    if fine.argmax() and candidates[0] == 0:
        notes.append(f"f or a derivative is not finite at {name} = 0, so it is looked at from {name} = {chosen:g}")
    return chosen


def _not_finite(jets: Jets, at: float, name: str) -> WrongInput:
    values = jets(np.array([at]))[:3, 0]
    k = int(np.flatnonzero(~np.isfinite(values))[0])
    problem = f"{('f', 'f′', 'f″')[k]} is {values[k]} at {name} = {at:g}."
    return WrongInput(ASKED, problem, remedy="choose a point with at=… where f is smooth.")


def _trimmed(jets: Jets, window: Window, samples: Samples, at: float) -> tuple[Window, Samples]:
    """A default window without the part where f is not defined: log(x) from 0 on."""
    gaps = undefined(jets, samples)
    low = max((end for _, end in gaps if end <= at), default=window[0])
    high = min((start for start, _ in gaps if start >= at), default=window[1])
    return ((low, high), sample(jets, low, high)) if (low, high) != window else (window, samples)


def _kind(
    here: Callable[..., Any],
    at: float,
    derivatives: Array,
    samples: Samples,
    irregular: int | None,
    places: tuple[Place, ...],
) -> str:
    """Kind of the point: by f″ where that decides, else by what was found there, else by higher derivatives.

    What was found comes before the higher derivatives, which say nothing where they jump: |x|³ at 0.
    """
    if irregular in (0, 1):
        return "irregular"
    # A slope of the window's usual size is far above any rounding; only a small one needs the careful verdict.
    usual = np.nanmedian(np.abs(samples.jets[1]))
    kind = "regular" if abs(derivatives[1]) > _SLOPE * usual else str(classify(here)(at).kind)
    if irregular is not None and kind != "regular":
        return "irregular"
    found = [place.kind for place in places if abs(float(place.at) - at) <= place.at.error]
    if kind != "degenerate" or found:
        return found[0] if kind == "degenerate" else kind
    scale = float(samples.x[-1] - samples.x[0])
    level = rounding_level(samples, 0)
    for k in range(2, len(derivatives)):
        if abs(derivatives[k]) > level / scale**k:
            return "stationary inflection" if k % 2 else ("minimum" if derivatives[k] > 0 else "maximum")
    return "undecided"


def _concavity(second: float, straight: bool, irregular: int | None) -> str:
    if irregular is not None:
        return "undefined"
    return "straight" if straight else ("convex" if second > 0 else "concave")


def _inflections(jets: Jets, samples: Samples) -> tuple[tuple[Place, ...], Samples]:
    """Changes of sign of f″; and the samples with these points, between which f′ runs one way."""
    samples = _with(jets, samples, crossings(jets, samples, 3))
    found = crossings(jets, samples, 2)
    level = rounding_level(samples, 1)
    inflections = [crossing for crossing in found if crossing.nature in ("zero", "bend")]
    values = jets(np.array([crossing.x for crossing in inflections]))
    places = tuple(
        _place("stationary inflection" if abs(slope) <= level else "inflection", crossing, value)
        for crossing, value, slope in zip(inflections, values[0], values[1], strict=True)
    )
    return places, _with(jets, samples, found)


def _extrema(jets: Jets, samples: Samples) -> tuple[tuple[Place, ...], tuple[Estimate, ...]]:
    """Changes of sign of f′ where the graph goes on; and the places where it breaks."""
    found = crossings(jets, samples, 1)
    extrema = [crossing for crossing in found if crossing.nature != "break"]
    values = jets(np.array([crossing.x for crossing in extrema]))[0]
    places = tuple(
        _place("minimum" if crossing.before < 0 else "maximum", crossing, value)
        for crossing, value in zip(extrema, values, strict=True)
    )
    broken = [*found, *crossings(jets, samples, 2)]
    return places, tuple(_estimate(crossing) for crossing in broken if crossing.nature == "break")


def _with(jets: Jets, samples: Samples, found: list[Crossing]) -> Samples:
    x = np.array([crossing.x for crossing in found if crossing.nature == "zero"])
    return samples.joined(x, jets(x))


def _place(
    kind: Literal["minimum", "maximum", "inflection", "stationary inflection"], crossing: Crossing, value: float
) -> Place:
    return Place(kind, _estimate(crossing), float(value) + 0.0, crossing.nature == "zero")


def _estimate(crossing: Crossing) -> Estimate:
    return Estimate(crossing.x, crossing.error, FOUND, INTERVALS)


def _standing(places: tuple[Place, ...], leaps: list[Estimate], near: float) -> tuple[Place, ...]:
    """Those places at which f has a value, and that are not the rounding beside a jump."""
    return tuple(
        place
        for place in places
        if np.isfinite(place.value) and not any(abs(float(place.at) - float(leap)) <= near for leap in leaps)
    )


def _apart(breaks: list[Estimate], taken: list[float]) -> tuple[Estimate, ...]:
    """Breaks from left to right, each once, without those at places already spoken of."""
    kept: list[Estimate] = []
    for place in sorted(breaks, key=float):
        if not any(_same(float(place), x) for x in [*taken, *map(float, kept)]):
            kept.append(place)
    return tuple(kept)


def _same(one: float, other: float) -> bool:
    return abs(one - other) <= 1e-9 * (1 + abs(other))
