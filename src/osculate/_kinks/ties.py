"""What each primitive does where it is not differentiable, and how to see that a point is such a place.

Everything that selects (the larger of two, the largest of many, a sort) compares. A tie is found by moving the entries
apart: each is replaced by the rank of its value and, among equals, of its tangent, once in the direction of the
tangents and once against it. Where the two sides select entries that move differently, there is a kink.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from osculate._trace import Node

from .dual import Dual, Tie, counted, differ

Finder = Callable[[Node, Sequence[Dual]], Tie | None]

_MEAN = "JAX takes the mean of their slopes"
_SELECTING = {
    "max": "the arguments are equal{where}; " + _MEAN,
    "min": "the arguments are equal{where}; " + _MEAN,
    "reduce_max": "several entries attain the maximum{where}; " + _MEAN,
    "reduce_min": "several entries attain the minimum{where}; " + _MEAN,
    "cummax": "several entries attain the running maximum{where}; JAX takes means of their slopes, pair by pair",
    "cummin": "several entries attain the running minimum{where}; JAX takes means of their slopes, pair by pair",
    "reduce_window_max": "several entries attain the maximum of a window{where}; JAX takes the slope of the first",
    "reduce_window_min": "several entries attain the minimum of a window{where}; JAX takes the slope of the first",
    "scatter-max": "several values attain the maximum{where}; " + _MEAN,
    "scatter-min": "several values attain the minimum{where}; " + _MEAN,
    "scatter_max": "several values attain the maximum{where}; " + _MEAN,
    "scatter_min": "several values attain the minimum{where}; " + _MEAN,
    "clamp": "the argument is at a bound{where}; JAX takes the slope 0",
    "top_k": "entries are equal{where}; the first of them is taken, with its slope",
    "argmax": "several entries attain the maximum{where}; the index of the first is taken",
    "argmin": "several entries attain the minimum{where}; the index of the first is taken",
}
_SINGULAR: dict[str, tuple[tuple[float, ...], str]] = {
    "sqrt": ((0.0,), "the argument is 0{where}, where the slope is infinite"),
    "cbrt": ((0.0,), "the argument is 0{where}, where the slope is infinite"),
    "rsqrt": ((0.0,), "the argument is 0{where}, where the value and the slope are infinite"),
    "log": ((0.0,), "the argument is 0{where}, where the value and the slope are infinite"),
    "log1p": ((-1.0,), "the argument is -1{where}, where the value and the slope are infinite"),
    "asin": ((-1.0, 1.0), "the argument is 1 or -1{where}, where the slope is infinite"),
    "acos": ((-1.0, 1.0), "the argument is 1 or -1{where}, where the slope is infinite"),
    "acosh": ((1.0,), "the argument is 1{where}, where the slope is infinite"),
    "atanh": ((-1.0, 1.0), "the argument is 1 or -1{where}, where the value and the slope are infinite"),
}


def finder(name: str) -> Finder | None:
    """How a tie of this primitive is found; None for one that is smooth wherever its value is finite."""
    if name in _SELECTING:
        return _selecting
    if name in _SINGULAR:
        return _singular
    return _OTHERS.get(name)


def _selecting(node: Node, inputs: Sequence[Dual]) -> Tie | None:
    operands = [i for i, v in enumerate(node.inputs) if v.inexact]
    sides = _moved_apart(node, inputs, operands)
    if sides is None:
        return None
    masks = {i: one != two for i, (one, two) in enumerate(zip(*sides, strict=True))}
    if node.name == "top_k":  # JAX may take one that lies between the two sides
        slopes = ranks([inputs[0]])[1][0]
        taken = np.take_along_axis(slopes, np.asarray(node.evaluate(inputs[0].value)[1]), node.params.get("axis", -1))
        masks[0] = masks[0] | (sides[0][0] != taken)
    masks = {i: mask for i, mask in masks.items() if mask.any()}
    if not masks:
        return None
    sentence = _SELECTING[node.name].format(where=counted(next(iter(masks.values()))))
    return Tie(masks, sentence)


def ranks(duals: Sequence[Dual]) -> tuple[list[np.ndarray], list[np.ndarray], int]:
    """Ranks of the values and of the tangents of some arrays jointly; and how many different tangents there are."""
    values = np.concatenate([np.ravel(np.asarray(d.value, np.float64)) for d in duals])
    slopes = np.concatenate([np.ravel(np.asarray(d.slope(), np.float64)) for d in duals])
    scale = np.max(np.abs(slopes), initial=0.0) or 1.0
    by_value = np.unique(values, return_inverse=True)[1].ravel()
    by_slope = np.unique(np.round(slopes / scale, 6), return_inverse=True)[1].ravel()
    cuts = np.cumsum([np.size(d.value) for d in duals])[:-1]
    shapes = [np.shape(d.value) for d in duals]

    def split(flat: np.ndarray) -> list[np.ndarray]:
        return [part.reshape(shape) for part, shape in zip(np.split(flat, cuts), shapes, strict=True)]

    return split(by_value), split(by_slope), int(by_slope.max(initial=0)) + 1


def _moved_apart(node: Node, inputs: Sequence[Dual], operands: Sequence[int]) -> list[list[np.ndarray]] | None:
    """For the two sides, the rank of the tangent (or the index) that is selected; None if all move alike."""
    duals = [inputs[i] for i in operands]
    if not any(np.size(d.value) for d in duals):
        return None
    by_value, by_slope, count = ranks(duals)
    if count == 1:
        return None
    most = max(int(r.max(initial=0)) + 1 for r in by_value) * count
    dtype = node.inputs[operands[0]].dtype
    if most >= 2 ** jnp.finfo(dtype).nmant:
        dtype = np.float64
    sides: list[list[np.ndarray]] = []
    for forwards in (True, False):
        values = [d.value for d in inputs]
        for i, v, s in zip(operands, by_value, by_slope, strict=True):
            values[i] = np.asarray(v * count + (s if forwards else count - 1 - s), dtype)
        with jax.enable_x64(True):
            outputs = [np.asarray(o) for o in node.evaluate(*values)]
        side: list[np.ndarray] = []
        for output, variable in zip(outputs, node.outputs, strict=True):
            if variable.inexact:
                rank = np.mod(output, count)
                side.append(rank if forwards else count - 1 - rank)
            else:
                side.append(output)
        sides.append(side)
    return sides


def _singular(node: Node, inputs: Sequence[Dual]) -> Tie | None:
    points, sentence = _SINGULAR[node.name]
    mask = np.isin(np.asarray(inputs[0].value), points)
    return Tie({0: mask}, sentence.format(where=counted(mask))) if mask.any() else None


def _at(node: Node, inputs: Sequence[Dual], mask: np.ndarray, sentence: str) -> Tie | None:
    mask = mask & (inputs[0].slope() != 0)
    return Tie({0: mask}, sentence.format(where=counted(mask))) if mask.any() else None


def _absolute(node: Node, inputs: Sequence[Dual]) -> Tie | None:
    return _at(node, inputs, np.asarray(inputs[0].value) == 0, "the argument is 0{where}; JAX takes the slope 1")


def _sign(node: Node, inputs: Sequence[Dual]) -> Tie | None:
    sentence = "the argument is 0{where}, where the sign jumps; the value 0 and the slope 0 are taken"
    return _at(node, inputs, np.asarray(inputs[0].value) == 0, sentence)


def _floor(node: Node, inputs: Sequence[Dual]) -> Tie | None:
    x = np.asarray(inputs[0].value)
    sentence = "the argument is an integer{where}, where the value jumps; the slope 0 is taken"
    return _at(node, inputs, x == np.round(x), sentence)


def _round(node: Node, inputs: Sequence[Dual]) -> Tie | None:
    x = np.asarray(inputs[0].value)
    sentence = "the argument is half-way between integers{where}, where the value jumps; the slope 0 is taken"
    return _at(node, inputs, np.abs(x - np.trunc(x)) == 0.5, sentence)


def _remainder(node: Node, inputs: Sequence[Dual]) -> Tie | None:
    x, y = (np.asarray(d.value) for d in inputs)
    with np.errstate(all="ignore"):
        quotient = x / y
        mask = (quotient == np.round(quotient)) & (quotient != 0)  # toward zero: smooth at 0
        mask &= differ(inputs[0].slope(), quotient * inputs[1].slope())
    if not mask.any():
        return None
    return Tie(
        {0: mask}, f"the quotient is an integer{counted(mask)}, where the remainder jumps; the piece from 0 is taken"
    )


def _power(node: Node, inputs: Sequence[Dual]) -> Tie | None:
    base, exponent = (np.asarray(d.value) for d in inputs)
    natural = (exponent >= 0) & (exponent == np.round(exponent)) & ~np.broadcast_to(inputs[1].moving, exponent.shape)
    mask = np.broadcast_to(base == 0, node.outputs[0].shape) & ~natural
    if not mask.any():
        return None
    return Tie(
        {0: mask},
        f"the base is 0{counted(mask)} and the exponent is not a natural number: derivatives beyond it are infinite",
    )


def smallest_power(inputs: Sequence[Dual]) -> float:
    """The least exponent with which a zero is raised: orders up to it are finite."""
    base, exponent = (np.asarray(d.value) for d in inputs)
    base, exponent = np.broadcast_arrays(base, exponent)
    return float(np.min(np.where(base == 0, exponent, np.inf), initial=np.inf))


def _sort(node: Node, inputs: Sequence[Dual]) -> Tie | None:
    axis, keys = node.params["dimension"], node.params["num_keys"]
    moving = [d for d in inputs[:keys] if d.moving]
    if not moving or not np.size(inputs[0].value):
        return None
    orders: list[np.ndarray] = []
    for sign in (1, -1, 0):  # on either side of the point, and as JAX has it
        columns: list[np.ndarray] = []
        for d in inputs[:keys]:
            columns += [np.asarray(d.value, np.float64), sign * d.slope()]
        orders.append(np.lexsort(columns[::-1], axis=axis))
    masks: dict[int, np.ndarray] = {}
    for i, d in enumerate(inputs):
        *sides, taken = (np.take_along_axis(np.asarray(d.value), order, axis) for order in orders)
        *slopes, slope = (np.take_along_axis(d.slope(), order, axis) for order in orders)
        mask = np.logical_or.reduce([*(side != taken for side in sides), *(differ(side, slope) for side in slopes)])
        if mask.any():
            masks[i] = mask
    if not masks:
        return None
    return Tie(
        masks, f"entries are equal{counted(next(iter(masks.values())))}; they keep their order, with their slopes"
    )


def _select(node: Node, inputs: Sequence[Dual]) -> Tie | None:
    edge = inputs[0].edge
    if edge is None or not node.outputs[0].inexact:
        return None
    mask = np.broadcast_to(edge, node.outputs[0].shape) & unlike_cases(inputs[1:])
    if not mask.any():
        return None
    return Tie({0: mask}, f"its condition compares equals{counted(mask)}; the case that holds at the point is taken")


def unlike_cases(cases: Sequence[Dual]) -> np.ndarray:
    """Where the cases of a selection have different values or tangents."""
    unlike = np.zeros(np.shape(cases[0].value), bool)
    for other in cases[1:]:
        with np.errstate(invalid="ignore"):
            unlike |= differ(np.asarray(cases[0].value), np.asarray(other.value))
            unlike |= differ(cases[0].slope(), other.slope())
    return unlike


def _converted(node: Node, inputs: Sequence[Dual]) -> Tie | None:
    edge = inputs[0].edge
    if edge is None or not node.outputs[0].inexact or not edge.any():
        return None
    return Tie({0: edge}, f"a comparison of equals{counted(edge)} becomes a number, which jumps; the slope 0 is taken")


_OTHERS: dict[str, Finder] = {
    "abs": _absolute,
    "sign": _sign,
    "floor": _floor,
    "ceil": _floor,
    "round": _round,
    "rem": _remainder,
    "pow": _power,
    "sort": _sort,
    "select_n": _select,
    "convert_element_type": _converted,
}
JUMPS = frozenset({"sign", "floor", "ceil", "round", "select_n", "convert_element_type"})
"""Where values themselves jump: a jump in a custom derivative rule is a kink of its function."""
