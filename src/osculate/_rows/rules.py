"""What each family of primitives does to the rows of a batch: it keeps their axis, moves it, or mixes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from osculate._trace import Node

from .rows import RULES, Rows, Rule, agreed, at

Result = Rows | str | None


def _rule(*names: str) -> Callable[[Rule], Rule]:
    def decorate(rule: Rule) -> Rule:
        RULES.update(dict.fromkeys(names, rule))
        return rule

    return decorate


def elementwise(node: Node, inputs: Sequence[Rows | None]) -> Rows | str | None:
    """Entry by entry; an operand with an axis of length one is stretched."""
    shape = node.outputs[0].shape
    for variable, rows in zip(node.inputs, inputs, strict=True):
        if rows is not None and (len(variable.shape) != len(shape) or variable.shape[rows.axis] != shape[rows.axis]):
            return "it spreads one row over several"
    return agreed(inputs)


@_rule("optimization_barrier", "sharding_constraint", "device_put", "pvary", "mesh_cast", "reduce_precision")
def _as_they_are(node: Node, inputs: Sequence[Rows | None]) -> Result:
    return agreed(inputs)


def _unless_along(axis_of: Callable[[Node], Any], verb: str) -> Rule:
    """A rule of primitives that work along some axes and leave all others alone."""

    def rule(node: Node, inputs: Sequence[Rows | None]) -> Result:
        rows = agreed(inputs)
        along = axis_of(node)
        axes = along if isinstance(along, (tuple, list)) else (along,)
        return f"it {verb} the rows" if isinstance(rows, Rows) and rows.axis in [int(a) for a in axes] else rows

    return rule


_rule("cumsum", "cumprod", "cummax", "cummin", "cumlogsumexp")(
    _unless_along(lambda node: node.params["axis"], "accumulates over")
)
_rule("sort")(_unless_along(lambda node: node.params["dimension"], "sorts"))
_rule("concatenate")(_unless_along(lambda node: node.params["dimension"], "joins more to"))
_rule("rev")(_unless_along(lambda node: node.params["dimensions"], "reverses"))
_rule("split")(_unless_along(lambda node: node.params["axis"], "splits"))
_rule("top_k", "approx_top_k")(
    _unless_along(lambda node: node.params.get("axis", node.params.get("reduction_dimension", -1)), "selects from")
)


@_rule("fft")
def _fft(node: Node, inputs: Sequence[Rows | None]) -> Result:
    rows = inputs[0]
    assert rows is not None
    transformed = rows.axis >= len(node.inputs[0].shape) - len(node.params["fft_lengths"])
    return "it transforms along the rows" if transformed else rows


@_rule(*(f"reduce_{name}" for name in ("sum", "prod", "max", "min", "and", "or", "xor")), "argmax", "argmin", "reduce")
def _reduce(node: Node, inputs: Sequence[Rows | None]) -> Result:
    rows = agreed(inputs)
    axes = node.params.get("axes", node.params.get("dimensions"))
    if not isinstance(rows, Rows):
        return rows
    if axes is None or rows.axis in axes:
        return "it sums over the rows" if node.name == "reduce_sum" else "it reduces over the rows"
    return at(rows, rows.axis - sum(int(a) < rows.axis for a in axes))


@_rule("reshape")
def _reshape(node: Node, inputs: Sequence[Rows | None]) -> Result:
    """The entries keep their row-major order, so a row recurs at a fixed stride."""
    rows, after = inputs[0], node.outputs[0].shape
    if rows is None or node.params.get("dimensions") is not None:
        return "it reorders the axes while it reshapes"
    stride = rows.inner * prod(node.inputs[0].shape[rows.axis + 1 :])
    fitting: list[Rows] = []
    for axis, size in enumerate(after):
        below = prod(after[axis + 1 :])
        if below and stride % below == 0 and size % (rows.count * (stride // below)) == 0:
            fitting.append(Rows(axis, rows.count, stride // below))
    if not fitting:
        return "it splits the rows over several axes"
    return next((found for found in fitting if found == rows), fitting[0])  # several only for a single row


@_rule("broadcast_in_dim")
def _broadcast(node: Node, inputs: Sequence[Rows | None]) -> Result:
    rows = inputs[0]
    assert rows is not None
    axis = int(node.params["broadcast_dimensions"][rows.axis])
    spread = node.outputs[0].shape[axis] != node.inputs[0].shape[rows.axis]
    return "it spreads one row over several" if spread else at(rows, axis)


@_rule("squeeze")
def _squeeze(node: Node, inputs: Sequence[Rows | None]) -> Result:
    rows = inputs[0]
    assert rows is not None
    removed = [int(d) for d in node.params["dimensions"]]
    return "it drops the axis of the rows" if rows.axis in removed else at(rows, _without(rows.axis, removed))


@_rule("expand_dims")
def _expand(node: Node, inputs: Sequence[Rows | None]) -> Result:
    rows = inputs[0]
    assert rows is not None
    added = [int(d) for d in node.params["dimensions"]]
    return at(rows, [i for i in range(len(node.outputs[0].shape)) if i not in added][rows.axis])


@_rule("stack")
def _stack(node: Node, inputs: Sequence[Rows | None]) -> Result:
    rows = agreed(inputs)
    return at(rows, rows.axis + (rows.axis >= int(node.params["axis"]))) if isinstance(rows, Rows) else rows


@_rule("unstack")
def _unstack(node: Node, inputs: Sequence[Rows | None]) -> Result:
    rows, axis = inputs[0], int(node.params["axis"])
    assert rows is not None
    return "it takes the rows apart" if rows.axis == axis else at(rows, _without(rows.axis, [axis]))


@_rule("transpose")
def _transpose(node: Node, inputs: Sequence[Rows | None]) -> Result:
    rows = inputs[0]
    assert rows is not None
    return at(rows, [int(p) for p in node.params["permutation"]].index(rows.axis))


@_rule("tile")
def _tile(node: Node, inputs: Sequence[Rows | None]) -> Result:
    same_rank = len(node.inputs[0].shape) == len(node.outputs[0].shape)
    return inputs[0] if same_rank else "it adds axes while it repeats"


@_rule("pad")
def _pad(node: Node, inputs: Sequence[Rows | None]) -> Result:
    rows, fill = inputs
    if fill is not None or rows is None:
        return "its fill value depends on the rows"
    return "it pads the rows" if any(map(int, node.params["padding_config"][rows.axis])) else rows


@_rule("slice", "dynamic_slice")
def _slice(node: Node, inputs: Sequence[Rows | None]) -> Result:
    rows = inputs[0]
    assert rows is not None
    whole = node.inputs[0].shape[rows.axis] == node.outputs[0].shape[rows.axis]
    return rows if whole else "it takes some rows out"


@_rule("dynamic_update_slice")
def _update(node: Node, inputs: Sequence[Rows | None]) -> Result:
    rows = agreed(inputs)
    if not isinstance(rows, Rows):
        return rows
    whole = node.inputs[0].shape[rows.axis] == node.inputs[1].shape[rows.axis]
    return rows if whole else "it overwrites some rows"


@_rule("dot_general")
def _dot(node: Node, inputs: Sequence[Rows | None]) -> Result:
    (contracted, batches) = node.params["dimension_numbers"]
    places: list[Rows | None] = []
    free = len(batches[0])
    for variable, rows, sums, batch in zip(node.inputs, inputs, contracted, batches, strict=True):
        sums, batch = [int(s) for s in sums], [int(b) for b in batch]
        kept = [i for i in range(len(variable.shape)) if i not in sums and i not in batch]
        if rows is not None and rows.axis in sums:
            return "it sums over the rows"
        if rows is not None:
            places.append(at(rows, batch.index(rows.axis) if rows.axis in batch else free + kept.index(rows.axis)))
        free += len(kept)
    result = agreed(places)
    return "it pairs every row with every other" if isinstance(result, str) else result


@_rule("conv_general_dilated")
def _convolution(node: Node, inputs: Sequence[Rows | None]) -> Result:
    image, kernel = inputs
    numbers = node.params["dimension_numbers"]
    if kernel is not None or image is None:
        return "its kernel depends on the rows"
    if image.axis != numbers.lhs_spec[0] or node.params["batch_group_count"] != 1:
        return "it convolves over the rows"
    return at(image, int(numbers.out_spec[0]))


@_rule(*(f"reduce_window{name}" for name in ("", "_sum", "_max", "_min")), "select_and_gather_add")
@_rule("select_and_scatter_add", "select_and_scatter")
def _window(node: Node, inputs: Sequence[Rows | None]) -> Result:
    rows = agreed(inputs)
    if not isinstance(rows, Rows):
        return rows
    sizes = node.params.get("window_dimensions", ())
    still = sizes and sizes[rows.axis] == 1 and node.inputs[0].shape[rows.axis] == node.outputs[0].shape[rows.axis]
    return rows if still else "its windows reach over the rows"


@_rule("gather")
def _gather(node: Node, inputs: Sequence[Rows | None]) -> Result:
    """The rows must be taken whole, or be a batch axis; indices are integers, which carry nothing."""
    rows, numbers, shape = inputs[0], node.params["dimension_numbers"], node.inputs[0].shape
    assert rows is not None
    offsets = [int(d) for d in numbers.offset_dims]
    batching = [int(d) for d in numbers.operand_batching_dims]
    outside = [i for i in range(len(node.outputs[0].shape)) if i not in offsets]
    if rows.axis in batching:
        return at(rows, outside[int(numbers.start_indices_batching_dims[batching.index(rows.axis)])])
    removed = [*map(int, numbers.collapsed_slice_dims), *batching]
    if rows.axis in removed or node.params["slice_sizes"][rows.axis] != shape[rows.axis]:
        return "it takes some rows out"
    return at(rows, offsets[_without(rows.axis, removed)])


@_rule("scatter", "scatter-add", "scatter_add", "scatter-sub", "scatter_sub", "scatter_mul", "scatter-mul")
@_rule("scatter_min", "scatter-min", "scatter_max", "scatter-max", "scatter_apply")
def _scatter(node: Node, inputs: Sequence[Rows | None]) -> Result:
    """What is written must cover the rows as they stand, or be batched along them."""
    numbers, updates = node.params["dimension_numbers"], node.inputs[2]
    batching = [int(d) for d in numbers.operand_batching_dims]
    removed = [*map(int, numbers.inserted_window_dims), *batching]
    window = [int(d) for d in numbers.update_window_dims]
    outside = [i for i in range(len(updates.shape)) if i not in window]
    place: dict[int, int] = {}  # axis of the operand → axis of the updates that runs along with it
    for axis, size in enumerate(node.inputs[0].shape):
        if axis in batching:
            place[axis] = outside[int(numbers.scatter_indices_batching_dims[batching.index(axis)])]
        elif axis not in removed and updates.shape[window[_without(axis, removed)]] == size:
            place[axis] = window[_without(axis, removed)]
    back = {there: axis for axis, there in place.items()}
    operand, written = inputs[0], inputs[2]
    if (operand is not None and operand.axis not in place) or (written is not None and written.axis not in back):
        return "it writes into some rows"
    return agreed([operand, None if written is None else at(written, back[written.axis])])


def _leading(core: int) -> Rule:
    """A rule of primitives that treat the last ``core`` axes as one matrix (or vector), batched over the others."""

    def rule(node: Node, inputs: Sequence[Rows | None]) -> Result:
        rows = agreed(inputs)
        if not isinstance(rows, Rows):
            return rows
        deep = any(r is not None and r.axis >= len(v.shape) - core for r, v in zip(inputs, node.inputs, strict=True))
        return "it couples the rows, as a matrix" if deep else rows

    return rule


_rule("cholesky", "lu", "qr", "geqrf", "householder_product", "eigh", "eig", "svd", "schur", "hessenberg")(_leading(2))
_rule("geqp3", "ormqr", "tridiagonal", "symmetric_product", "cholesky_update", "tridiagonal_solve")(_leading(2))
_rule("log2")(elementwise)


@_rule("triangular_solve")
def _triangular(node: Node, inputs: Sequence[Rows | None]) -> Result:
    matrix, right = inputs
    free = len(node.inputs[1].shape) - (1 if node.params["left_side"] else 2)
    if matrix is None and right is not None and right.axis == free:
        return right
    return _leading(2)(node, inputs)


def _without(axis: int, removed: Sequence[int]) -> int:
    """Number of an axis once others are gone."""
    return axis - sum(other < axis for other in removed)
