"""``dot_general``: the one primitive that couples two whole arrays."""

from __future__ import annotations

from collections.abc import Iterable

from osculate._interpret import register

from .factors import read
from .labels import POINT, Axes, Axis, fresh
from .stages import Stage
from .sweep import Local, Sweep
from .term import End, Term, moved, new_term


@register("structure", "dot_general")
def dot_general(sweep: Sweep, stage: Stage) -> Local:
    """An end on the product moves to one operand with the other as a factor; the adjoint couples the two."""
    node = stage.node
    left, right = node.inputs
    (left_summed, right_summed), (left_batch, right_batch) = node.params["dimension_numbers"]
    left_free = [d for d in range(len(left.shape)) if d not in (*left_summed, *left_batch)]
    right_free = [d for d in range(len(right.shape)) if d not in (*right_summed, *right_batch)]
    batch = len(left_batch)

    def both(axes: Axes) -> tuple[Axes, Axes]:
        """Axes of the two operands for those of the product."""
        summed = fresh([left.shape[d] for d in left_summed])
        one = dict(zip((*left_batch, *left_summed), (*axes[:batch], *summed), strict=True))
        two = dict(zip((*right_batch, *right_summed), (*axes[:batch], *summed), strict=True))
        one |= dict(zip(left_free, axes[batch : batch + len(left_free)], strict=True))
        two |= dict(zip(right_free, axes[batch + len(left_free) :], strict=True))
        return _ordered(one), _ordered(two)

    operands = [k for k in (0, 1) if sweep.moves(node.inputs[k])]

    def pull(term: Term, side: int, result: int, place: int) -> Term | None:
        k = operands[place]
        axes = both(term.ends[side].axes)
        other = read(sweep.value(node.inputs[1 - k]), axes[1 - k])
        return moved(term, side, node.inputs[k], axes[k], [other])

    def couple() -> Iterable[Term]:
        if len(operands) == 2:
            axes = fresh(node.outputs[0].shape)
            one, two = both(axes)
            weight = read(sweep.adjoints[node.outputs[0]], axes)
            yield new_term([weight], End(left, one), End(right, two), symmetric=False)

    return Local(tuple(node.inputs[k] for k in operands), pull, couple)


def _ordered(axes: dict[int, Axis]) -> Axes:
    return tuple(axes.get(d, POINT) for d in range(len(axes)))
