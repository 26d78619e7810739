"""Walking a program at a point, looking for places where it is not differentiable.

First with made-up tangents, which costs one evaluation and finds every tie there can be; only if there is one, again
with the true tangents in a random direction, so that equals that move together, as in ``max(x, x)``, are no kink; last
with NaN written over the tangents of the entries found, so that what a ``where`` throws away is none either, and with
the conditions turned round, so that the border between two pieces of one smooth function is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from osculate._errors import Location
from osculate._interpret import forward
from osculate._trace import Call, Cond, CustomJVP, CustomVJP, Node, Scan, Trace, While, pushforward

from .dual import Dual, Tie, differ
from .ties import JUMPS, finder, smallest_power, unlike_cases

_CONDITIONAL = frozenset({"select_n", "convert_element_type", "cond"})
_COMPARISONS = frozenset({"lt", "le", "gt", "ge"})
_LOGIC = frozenset({"and", "or", "xor", "not", "eq", "ne"})
_STRUCTURE = frozenset(
    {"broadcast_in_dim", "reshape", "transpose", "squeeze", "expand_dims", "slice", "rev", "copy"}
    | {"convert_element_type", "concatenate", "pad", "split"}
)


@dataclass(frozen=True)
class Kink:
    """A place where the program is not differentiable at the point, and the branch taken there."""

    name: str
    where: Location | None
    sentence: str

    def __str__(self) -> str:
        return f"{self.name}: {self.sentence}"


def kinks(trace: Trace, values: Sequence[Any], order: int | None = None) -> list[Kink]:
    """Places where the program is not differentiable at ``values``; with ``order``, not that many times.

    Found are ties and jumps that show in the first derivative, and points where a derivative is infinite. Not found
    are kinks of higher derivatives alone, such as min(x, sin x) at 0; those inside ``scan`` and ``while_loop``, whose
    bodies are not entered; and those behind a guard with ``==`` (``where(x == 0, …)``), which is taken at its word. A
    function with a rule of its own (``custom_jvp``) has a kink where the rule jumps.

    Parameters
    ----------
    trace : Trace
        The program.
    values : sequence of arrays
        The point: one concrete array for each input.
    order : int, optional
        The order of differentiation: x**2.5 at 0 has two derivatives.
    """
    if not any(map(_may_have_kinks, trace.nodes)):
        return []
    start = _start(trace, values)
    first = _Walk(order, exact=False)
    first.run(trace, start)
    if not first.found:
        return []
    second = _Walk(order, exact=True)
    plain = second.run(trace, start)
    found: list[Kink] = []
    flips = _flips(trace, start, plain) if any(kink.name in _CONDITIONAL for kink, _ in second.found.values()) else True
    for place, (kink, tie) in second.found.items():
        if kink.name in _CONDITIONAL and not flips:
            continue
        if kink not in found and _alive(trace, start, plain, place, tie):
            found.append(kink)
    return found


def _start(trace: Trace, values: Sequence[Any]) -> list[Dual]:
    rng = np.random.default_rng(0)
    return [
        Dual(value, rng.uniform(0.5, 1.5, np.shape(value)) * rng.choice([-1, 1], np.shape(value)))
        if variable.inexact
        else Dual(value)
        for variable, value in zip(trace.inputs, values, strict=True)
    ]


def _may_have_kinks(node: Node) -> bool:
    if isinstance(node, (CustomJVP, CustomVJP, Cond)):
        return True
    if isinstance(node, (Scan, While)):
        return False
    if node.bodies:
        return any(_may_have_kinks(inner) for body in node.bodies for inner in body.nodes)
    if node.name == "convert_element_type":
        return node.inputs[0].dtype == np.bool_
    return finder(node.name) is not None


def _may_jump(node: Node) -> bool:
    if isinstance(node, Call):
        return any(map(_may_jump, node.body.nodes))
    return isinstance(node, Cond) or (node.name in JUMPS and _may_have_kinks(node))


def _alive(trace: Trace, start: list[Dual], plain: list[Dual], place: int, tie: Tie) -> bool:
    """Whether the slopes of the entries found reach an output: NaN written there arrives."""
    if not tie.masks:
        return True
    walk = _Walk(None, exact=True, poison={place: tie.masks})
    poisoned = walk.run(trace, start)
    return walk.unpoisonable or any(map(_spoiled, (d.slope() for d in plain), (d.slope() for d in poisoned)))


def _spoiled(plain: Any, poisoned: Any) -> bool:
    """Whether NaN arrived; where there was NaN before, nothing can be seen, so that it counts as arrived."""
    return _nans(plain) > 0 or _nans(poisoned) > 0


def _flips(trace: Trace, start: list[Dual], plain: list[Dual]) -> bool:
    """Whether the other side of the conditions gives something else: pieces of one smooth function agree."""
    other = _Walk(None, exact=True, flip=True).run(trace, start)
    with np.errstate(invalid="ignore"):
        return any(
            bool(np.any(differ(np.asarray(x), np.asarray(y))) or _nans(x) != _nans(y))
            for a, b in zip(plain, other, strict=True)
            for x, y in ((a.value, b.value), (a.slope(), b.slope()))
        )


def _nans(value: Any) -> int:
    array = np.asarray(value)
    return int(np.isnan(array).sum()) if np.issubdtype(array.dtype, np.inexact) else 0


class _Walk:
    """One walk; ``found`` has the ties by the place of their node in the walk."""

    def __init__(
        self,
        order: int | None,
        *,
        exact: bool,
        poison: dict[int, dict[int, np.ndarray]] | None = None,
        only: frozenset[str] | None = None,
        flip: bool = False,
    ) -> None:
        self.flip = flip
        self.order, self.exact, self.poison, self.only = order, exact, poison or {}, only
        self.found: dict[int, tuple[Kink, Tie]] = {}
        self.unpoisonable = False
        self._pending: dict[int, tuple[Kink, Tie]] = {}
        self._place = 0
        self._where: Location | None = None
        self._rng = np.random.default_rng(1)

    def run(self, trace: Trace, inputs: Sequence[Dual]) -> list[Dual]:
        """Duals of the outputs."""
        outputs = self._body(trace, inputs)
        for dual in outputs:
            self._confirm(dual)
        return outputs

    def _body(self, trace: Trace, inputs: Sequence[Dual]) -> list[Dual]:
        return forward(trace, inputs, self._step, lambda variable, value: Dual(value))

    def _confirm(self, dual: Dual) -> None:
        if dual.pending is not None and dual.pending in self._pending:
            self.found.setdefault(dual.pending, self._pending[dual.pending])

    def _step(self, node: Node, inputs: list[Dual]) -> list[Dual]:
        if not any(d.moving or d.edge is not None for d in inputs):
            return [Dual(value) for value in node.evaluate(*(d.value for d in inputs))]
        self._place += 1
        place = self._place
        if isinstance(node, Call):
            outer, self._where = self._where, self._where or node.where  # the body may have been traced elsewhere
            try:
                return self._body(node.body, inputs)
            finally:
                self._where = outer
        if not _squares(node, inputs):
            for dual in inputs:
                self._confirm(dual)
        if isinstance(node, Cond):
            return self._branch(node, inputs, place)
        values = node.evaluate(*(d.value for d in inputs))
        tie = self._tie(node, inputs)
        pending = None
        if tie is not None:
            entry = Kink(getattr(node, "function", "") or node.name, self._where or node.where, tie.sentence), tie
            if node.name == "sqrt":
                pending, self._pending[place] = place, entry
            else:
                self.found[place] = entry
        tangents = self._tangents(node, inputs)
        if masks := self.poison.get(place):
            values, tangents = self._poisoned(values, tangents, masks)
        edges = _edges(node, inputs)
        if self.flip and node.name in _COMPARISONS and edges[0] is not None:
            values = [np.logical_xor(np.asarray(values[0]), edges[0])]
        return [Dual(v, t, e, pending) for v, t, e in zip(values, tangents, edges, strict=True)]

    def _branch(self, node: Cond, inputs: list[Dual], place: int) -> list[Dual]:
        taken = int(np.clip(int(np.asarray(inputs[0].value)), 0, len(node.branches) - 1))
        outputs = self._body(node.branches[taken], inputs[1:])
        if inputs[0].edge is not None and inputs[0].edge.any():
            quiet = _Walk(self.order, exact=self.exact)
            for branch in node.branches:
                others = quiet.run(branch, inputs[1:])
                if any(unlike_cases(pair).any() for pair in zip(outputs, others, strict=True)):
                    sentence = f"its condition compares equals; branch {taken} is taken, which holds at the point"
                    self.found[place] = Kink("cond", self._where or node.where, sentence), Tie({}, sentence)
        return outputs

    def _tie(self, node: Node, inputs: list[Dual]) -> Tie | None:
        if isinstance(node, (CustomJVP, CustomVJP)):
            return self._jump_of_rule(node, inputs)
        if self.only is not None and node.name not in self.only:
            return None
        look = finder(node.name)
        if look is None or (any(np.iscomplexobj(d.value) for d in inputs) and node.name != "abs"):
            return None
        if node.name == "pow" and self.order is not None and smallest_power(inputs) >= self.order:
            return None
        return look(node, inputs)

    def _jump_of_rule(self, node: CustomJVP | CustomVJP, inputs: list[Dual]) -> Tie | None:
        """A jump in the rule of a custom function: there its derivative jumps."""
        active = [i for i, d in enumerate(inputs) if d.moving]
        if self.only is not None or not active:
            return None
        rule = pushforward(node, active)
        if not any(_may_jump(inner) for inner in rule.nodes):
            return None
        walk = _Walk(None, exact=self.exact, only=JUMPS)
        start = [*inputs, *(Dual(inputs[i].slope().astype(node.inputs[i].dtype)) for i in active)]
        plain = walk.run(rule, start)
        alive = [
            tie
            for place, (_, tie) in walk.found.items()
            if _reaches(rule, start, plain, _Walk(None, exact=False, only=JUMPS, poison={place: tie.masks}))
        ]
        if not alive:
            return None
        masks: dict[int, np.ndarray] = {}
        for i, variable in enumerate(node.outputs):
            same = [m for tie in alive for m in tie.masks.values() if m.shape == variable.shape]
            if variable.inexact:
                masks[i] = np.logical_or.reduce(same) if same else np.ones(variable.shape, bool)
        return Tie(masks, "its own derivative rule jumps here; the side that the rule gives at the point is taken")

    def _poisoned(
        self, values: list[Any], tangents: list[np.ndarray | None], masks: dict[int, np.ndarray]
    ) -> tuple[list[Any], list[np.ndarray | None]]:
        """NaN over the entries found: over the tangents, but in a rule over the values, which are tangents there."""
        values, tangents = list(values), list(tangents)
        for i, mask in masks.items():
            if not np.issubdtype(np.asarray(values[i]).dtype, np.inexact):
                self.unpoisonable = True
            elif self.only is not None:
                values[i] = jnp.where(mask, jnp.asarray(np.nan, values[i].dtype), values[i])
            else:
                slope = tangents[i]
                tangents[i] = np.where(mask, np.nan, np.zeros(mask.shape) if slope is None else slope)
        return values, tangents

    def _tangents(self, node: Node, inputs: list[Dual]) -> list[np.ndarray | None]:
        active = [i for i, d in enumerate(inputs) if d.moving]
        still = not active or node.name in ("stop_gradient", "sign", "floor", "ceil", "round")
        if still or not any(v.inexact for v in node.outputs):
            return [None] * len(node.outputs)
        made_up = [self._rng.standard_normal(v.shape) if v.inexact else None for v in node.outputs]
        if not self.exact:
            return made_up
        directions = [jnp.asarray(inputs[i].slope(), node.inputs[i].dtype) for i in active]
        try:
            found = iter(pushforward(node, active).evaluate(*(d.value for d in inputs), *directions))
        except (NotImplementedError, ValueError, TypeError, AssertionError):
            return made_up  # JAX has no rule; osculate may
        return [np.asarray(next(found)) if v.inexact else None for v in node.outputs]


def _reaches(trace: Trace, start: list[Dual], plain: list[Dual], walk: _Walk) -> bool:
    poisoned = walk.run(trace, start)
    return walk.unpoisonable or any(_spoiled(a.value, b.value) for a, b in zip(plain, poisoned, strict=True))


def _squares(node: Node, inputs: list[Dual]) -> bool:
    """Whether a node takes an even power: the square of a root at 0 is what stood under it."""
    if node.name == "integer_pow":
        return node.params["y"] > 0 and node.params["y"] % 2 == 0
    if node.name == "pow" and not inputs[1].moving and np.isrealobj(inputs[1].value):
        return bool(np.all(np.asarray(inputs[1].value) > 0) and np.all(np.asarray(inputs[1].value) % 2 == 0))
    return node.name == "square" or (node.name == "mul" and inputs[0] is inputs[1])


def _edges(node: Node, inputs: list[Dual]) -> list[np.ndarray | None]:
    """Where conditions among the outputs are about to flip."""
    count = len(node.outputs)
    if node.name in _COMPARISONS and any(d.moving for d in inputs):
        a, b = inputs
        if np.iscomplexobj(a.value) or np.size(a.value) == 0:
            return [None]
        edge = (np.asarray(a.value) == np.asarray(b.value)) & differ(a.slope(), b.slope())
        return [edge] if edge.any() else [None]
    known = [d.edge for d in inputs if d.edge is not None]
    if not known or any(v.inexact for v in node.outputs):
        return [None] * count
    if node.name in _LOGIC:
        return [np.broadcast_to(np.logical_or.reduce(np.broadcast_arrays(*known)), node.outputs[0].shape)]
    if node.name == "select_n":
        return [np.broadcast_to(np.logical_or.reduce(np.broadcast_arrays(*known)), node.outputs[0].shape)]
    if node.name in ("reduce_or", "reduce_and"):
        return [np.any(known[0], axis=tuple(node.params["axes"]))]
    if node.name in _STRUCTURE:
        marks = [
            np.asarray(np.zeros(np.shape(d.value), bool) if d.edge is None else d.edge).astype(v.dtype)
            for d, v in zip(inputs, node.inputs, strict=True)
        ]
        with jax.enable_x64(bool(jax.config.jax_enable_x64)):  # pyright: ignore[reportAttributeAccessIssue]
            return [np.asarray(o) != 0 for o in node.evaluate(*marks)]
    return [None] * count
