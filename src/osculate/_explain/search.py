"""Sign changes of a derivative over a window, each brought down to a bracket; nothing is proven complete.

Works on NumPy alone, from one function that gives f, f′, f″ and f‴ at many points at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Array = np.ndarray[Any, Any]
Jets = Callable[[Array], Array]
"""Points (N,) → f, f′, f″, f‴ there, (4, N); NaN or inf where f has none."""

INTERVALS = 1024
ORDINALS = ("the function itself", "the first derivative", "the second derivative")
_ROUNDS = 8
_MOST_REFINED = 512
_HALVINGS = 60
# Where signs are looked at between a crossing and the ends of its bracket, as parts of the way.
_PARTS = np.unique(np.concatenate([4.0 ** -np.arange(1, 24), np.arange(1, 16) / 16]))
# Samples between two crossings that may both be one and the same rounding.
_CLOSE = 8
# A derivative this small, relative to its size over the window, is rounding: about a thousand units in the last place.
_ROUNDING = 1000 * float(np.finfo(np.float64).eps)
# A rise this many times what the slopes at both ends explain is looked into: it may be a jump.
_STEEP = 10
# Part of the window in which a derivative may be exactly zero, or undefined, at a crossing.
_IDLE = 0.01
_TINY = float(np.finfo(np.float64).tiny)

Nature = Literal["zero", "bend", "corner", "break"]


@dataclass(frozen=True, eq=False)
class Samples:
    """f and its first three derivatives on a grid that is finer where they bend: ``x`` (N,), ``jets`` (4, N)."""

    x: Array
    jets: Array

    def joined(self, x: Array, jets: Array) -> Samples:
        """Return both sets of points, in order, each point once."""
        merged, first = np.unique(np.concatenate([self.x, x]), return_index=True)
        return Samples(merged, np.concatenate([self.jets, jets], axis=1)[:, first])


@dataclass(frozen=True)
class Crossing:
    """A place where a derivative changes sign.

    ``x`` lies within ``error`` of the change of sign. ``nature`` says how it happens: through zero (``zero``); by a
    jump of the derivative where the graph goes on with one tangent (``bend``) or with none (``corner``, cusps
    included); or where the graph itself breaks (``break``: a pole, a jump, a hole). ``before`` is the sign on the left.
    """

    x: float
    error: float
    nature: Nature
    before: int


def sample(jets: Jets, low: float, high: float) -> Samples:
    """Sample a window evenly, then halve intervals where f′ or f″ is not what its neighbours predict."""
    x = np.linspace(low, high, INTERVALS + 1)
    found = Samples(x, jets(x))
    left, right = x[:-1], x[1:]
    jets_left, jets_right = found.jets[:, :-1], found.jets[:, 1:]
    for _ in range(_ROUNDS):
        middle = (left + right) / 2
        jets_middle = jets(middle)
        found = found.joined(middle, jets_middle)
        surprise = _surprise(right - left, jets_left, jets_middle, jets_right)
        worst = np.argsort(-surprise)[:_MOST_REFINED]
        worst = worst[surprise[worst] > 0.02]
        if not worst.size:
            break
        left, right = np.concatenate([left[worst], middle[worst]]), np.concatenate([middle[worst], right[worst]])
        jets_left, jets_right, between = jets_left[:, worst], jets_right[:, worst], jets_middle[:, worst]
        jets_left, jets_right = np.hstack([jets_left, between]), np.hstack([between, jets_right])
    return found


def _surprise(width: Array, left: Array, middle: Array, right: Array) -> Array:
    """How far f′ and f″ in the middle are from the cubic through both ends, relative to their size there."""
    worst = np.zeros(width.shape)
    with np.errstate(all="ignore"):
        rise = np.abs(right[0] - left[0])
        steep = rise > _STEEP * width * (np.abs(left[1]) + np.abs(right[1])) + 1e-9 * np.abs(left[0])
        for k in (1, 2):
            predicted = (left[k] + right[k]) / 2 + width * (left[k + 1] - right[k + 1]) / 8
            size = np.abs(left[k]) + np.abs(right[k]) + np.abs(middle[k])
            worst = np.maximum(worst, np.abs(middle[k] - predicted) / (size + _TINY))
    defined = np.isfinite(left).all(0), np.isfinite(middle).all(0), np.isfinite(right).all(0)
    mixed = np.any(defined, axis=0) & ~np.all(defined, axis=0)
    return np.where(mixed | steep, np.inf, np.nan_to_num(worst, nan=0.0, posinf=np.inf))


def rounding_level(samples: Samples, k: int) -> float:
    """Size below which f⁽ᵏ⁾ on these samples may be nothing but rounding."""
    width = samples.x[-1] - samples.x[0]
    level = 0.0
    for j in range(k + 1):
        finite = np.abs(samples.jets[j][np.isfinite(samples.jets[j])])
        if finite.size:
            level = max(level, float(np.median(finite)) / width ** (k - j))
    return _ROUNDING * level


def crossings(jets: Jets, samples: Samples, k: int) -> list[Crossing]:
    """All changes of sign of f⁽ᵏ⁾ between the samples, k = 1, 2 or 3, in order."""
    pairs = _brackets(samples, k)
    if not pairs.size:
        return []
    outer_low, outer_high = samples.x[pairs[:, 0]], samples.x[pairs[:, 1]]
    before = np.sign(samples.jets[k][pairs[:, 0]]).astype(int)
    largest = np.abs(samples.jets[k][pairs]).max(axis=1)
    low, high = _halved(jets, outer_low, outer_high, before, k)
    resolution = _resolution(samples)
    error, certain = _reliable(jets, (low + high) / 2, np.maximum((high - low) / 2, resolution), pairs, samples, k)
    # Beside the place, not at it: at a jump a derivative may be given as zero.
    beside = np.abs(jets(np.concatenate([low - 8 * resolution, high + 8 * resolution]))[k]).reshape(2, -1).max(axis=0)
    x = np.array([_round_number(*place) for place in zip((low + high) / 2, error, strict=True)])
    with np.errstate(invalid="ignore"):
        smooth = (beside <= 1e-3 * largest) & np.isfinite(jets(x)[0])
    found: list[Crossing] = []
    for i, last in _runs(pairs, certain):
        if last > i or not certain[i]:
            found += _blurred(float(outer_low[i]), float(outer_high[last]), last - i + 1, int(before[i]))
            continue
        nature = "zero" if smooth[i] else _nature(jets, x[i], (outer_high[i] - outer_low[i]) / 2)
        found.append(Crossing(float(x[i]), float(error[i]), nature, int(before[i])))
    return found


def _runs(pairs: Array, certain: Array) -> list[tuple[int, int]]:
    """First and last index of each crossing; those that are rounding and follow upon each other are one run."""
    runs: list[tuple[int, int]] = []
    for i in range(len(pairs)):
        if runs and not certain[i] and not certain[i - 1] and pairs[i, 0] - pairs[i - 1, 1] <= _CLOSE:
            runs[-1] = (runs[-1][0], i)
        else:
            runs.append((i, i))
    return runs


def _blurred(low: float, high: float, count: int, before: int) -> list[Crossing]:
    """Changes of sign by rounding: an odd number of them is one crossing somewhere in there, an even one is none."""
    middle, error = (low + high) / 2, (high - low) / 2
    return [Crossing(_round_number(middle, error), error, "zero", before)] if count % 2 else []


def _brackets(samples: Samples, k: int) -> Array:
    """Index pairs (B, 2) of samples next to each other, but for those of no clear sign, with opposite signs of f⁽ᵏ⁾.

    A stretch where f⁽ᵏ⁾ is exactly zero, or where f is not defined, is no crossing if it is wide.
    """
    values = samples.jets[k]
    finite = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        sign = np.where(finite & (np.abs(values) > rounding_level(samples, k)), np.sign(values), 0)
    kept = np.flatnonzero(sign)
    opposite = np.flatnonzero(sign[kept[:-1]] != sign[kept[1:]])
    pairs = np.stack([kept[opposite], kept[opposite + 1]], axis=1)
    width = np.gradient(samples.x) / (samples.x[-1] - samples.x[0])
    idle = np.concatenate([[0], np.cumsum(np.where(~finite | (values == 0), width, 0))])
    return pairs[idle[pairs[:, 1]] - idle[pairs[:, 0] + 1] <= _IDLE]


def _halved(jets: Jets, low: Array, high: Array, before: Array, k: int) -> tuple[Array, Array]:
    """Halve all brackets together until they are as narrow as the window's numbers allow."""
    low, high = low.copy(), high.copy()
    for _ in range(_HALVINGS):
        middle = low + (high - low) / 2
        if ((middle == low) | (middle == high)).all():
            break
        value = jets(middle)[k]
        # A middle without a sign is the place itself: an exact zero, or the point where f⁽ᵏ⁾ does not exist.
        stop = ~np.isfinite(value) | (value == 0)
        right = stop | (np.sign(value) == before)
        low, high = np.where(right, middle, low), np.where(stop | ~right, middle, high)
    return low, high


def _resolution(samples: Samples) -> float:
    """Rounding of the window's numbers: no place is known better."""
    return float(np.spacing(np.abs(samples.x[[0, -1]]).max()))


def _reliable(jets: Jets, x: Array, error: Array, pairs: Array, samples: Samples, k: int) -> tuple[Array, Array]:
    """Widen each bracket until f⁽ᵏ⁾ has the signs of its ends from there on, and say whether it ever has.

    Where a derivative is mostly rounding, or too small for the numbers there are, its sign is chance.
    """
    ends, before = samples.x[pairs], np.sign(samples.jets[k][pairs[:, 0]])[:, None]
    reach, changed = error, np.zeros(len(x), dtype=bool)
    for side, room in ((-1, x - ends[:, 0]), (1, ends[:, 1] - x)):
        distance = room[:, None] * _PARTS
        value = jets((x[:, None] + side * distance).ravel())[k].reshape(distance.shape)
        wrong = (np.sign(value) != -side * before) & (distance > error[:, None])
        # The distance after the last wrong one, or the first.
        after = np.where(wrong.any(axis=1), len(_PARTS) - wrong[:, ::-1].argmax(axis=1), 0)
        reach = np.maximum(reach, distance[np.arange(len(x)), np.minimum(after, len(_PARTS) - 1)] * (after > 0))
        changed |= after >= len(_PARTS)
    return reach, ~changed & (reach <= (ends[:, 1] - ends[:, 0]) / 4)


def _round_number(x: float, error: float) -> float:
    """Shortest decimal within the bracket, if there is one: 1 for 0.9999999999999999."""
    shorter = (round(float(x), digits) + 0.0 for digits in range(13))
    return next((short for short in shorter if abs(short - x) <= error), float(x))


def _nature(jets: Jets, x: float, reach: float) -> Nature:
    """Whether the graph goes on at ``x``, by coming closer from both sides twice, each time ten thousand times."""
    steps = np.maximum(reach * np.array([1.0, 1e-4, 1e-8]), 16 * np.spacing(abs(x)))
    f, slope = jets(np.concatenate([x - steps, x + steps, [x]]))[:2]
    if not np.isfinite(f).all():
        return "break"
    left, right = f[:3], f[3:6]
    before, after, far = slope[2], slope[5], max(abs(slope[0]), abs(slope[3]))
    # Rounding of f, and of x where the graph is steep.
    rounding = 64 * float(np.finfo(np.float64).eps) * np.abs(f).max()
    rounding += 8 * np.spacing(abs(x)) * max(abs(before), abs(after))
    moved = np.array([left[1] - left[0], right[1] - right[0], left[1] - right[1]])
    still = np.array([left[2] - left[1], right[2] - right[1], left[2] - right[2]])
    closing = np.abs(still) <= 0.7 * np.abs(moved) + rounding
    # Both sides settle, at the value of f itself: otherwise a pole, a jump or a hole.
    settled = abs((left[2] + right[2]) / 2 - f[6]) <= np.abs(moved).max() + rounding
    if not (closing.all() and settled):
        return "break"
    if abs(before - after) <= 0.01 * (abs(before) + abs(after)) + 1e-6 * far:
        return "bend"
    vertical = before * after > 0 and min(abs(before), abs(after)) > 10 * far
    return "bend" if vertical else "corner"


def jumps(jets: Jets, samples: Samples) -> list[tuple[float, float]]:
    """Places, with their brackets, where f jumps although its derivatives do not show it: floor(x), sign(x)."""
    f, width = samples.jets[0], np.diff(samples.x)
    # Where a slope is not finite, the one at the other end must explain the rise.
    slope = np.abs(np.nan_to_num(samples.jets[1], nan=0.0, posinf=0.0, neginf=0.0))
    with np.errstate(all="ignore"):
        rise = np.abs(np.diff(f))
        steep = rise > _STEEP * width * (slope[:-1] + slope[1:]) + 1e-9 * np.abs(f[:-1])
    picked = np.flatnonzero(steep & np.isfinite(rise) & (rise > rounding_level(samples, 0)))
    low, high = samples.x[picked], samples.x[picked + 1]
    for _ in range(_HALVINGS):
        middle = low + (high - low) / 2
        left, center, right = (jets(x)[0] for x in (low, middle, high))
        with np.errstate(invalid="ignore"):
            rightwards = np.abs(right - center) > np.abs(center - left)
        low, high = np.where(rightwards, middle, low), np.where(rightwards, high, middle)
    # A jump does not shrink with the interval.
    still = np.abs(jets(high)[0] - jets(low)[0]) > 0.5 * rise[picked]
    error = np.maximum(high - low, _resolution(samples))
    return [(_round_number(float(x), float(e)), float(e)) for x, e in zip(high[still], error[still], strict=True)]


def undefined(jets: Jets, samples: Samples) -> list[tuple[float, float]]:
    """Stretches of the window where f has no finite value, as far as the samples tell; single points left out."""
    x, missing = samples.x, ~np.isfinite(samples.jets[0])
    edges = np.flatnonzero(np.diff(np.concatenate([[False], missing, [False]]).astype(int)))
    found: list[tuple[float, float]] = []
    for i, j in zip(edges[::2], edges[1::2] - 1, strict=True):
        if j > i:
            start = float(x[0]) if i == 0 else _edge(jets, float(x[i]), float(x[i - 1]))
            end = float(x[-1]) if j == len(x) - 1 else _edge(jets, float(x[j]), float(x[j + 1]))
            found.append((start + 0.0, end + 0.0))
    return found


def _edge(jets: Jets, outside: float, inside: float) -> float:
    """Last point where f has a value, between one where it has none and one where it has."""
    start = inside
    for _ in range(_HALVINGS):
        middle = (outside + inside) / 2
        if np.isfinite(jets(np.array([middle]))[0, 0]):
            inside = middle
        else:
            outside = middle
    return _round_number(inside, 1e-15 * abs(start - outside) + float(np.spacing(abs(start))))


def irregular_order(jets: Jets, x: float, reach: float) -> int | None:
    """Lowest k ≤ 2 for which f⁽ᵏ⁾ does not come closer to its value at ``x`` from both sides; None if all do."""
    steps = np.maximum(reach * np.array([1.0, 1e-4, 1e-8]), 16 * np.spacing(abs(x)))
    values = jets(np.concatenate([x - steps, x + steps, [x]]))[:3]
    for k, v in enumerate(values):
        rounding = 1e-6 * np.abs(v).max()
        away = np.abs(v[:6].reshape(2, 3) - v[6])
        if not (away[:, 2] <= 0.7 * away[:, 1] + rounding).all():
            return k
    return None
