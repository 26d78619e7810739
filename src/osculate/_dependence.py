"""Which outputs of a trace depend on which inputs: entry by entry or not, affinely or not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, cast

from ._interpret import forward, table
from ._trace import Call, Cond, CustomJVP, CustomVJP, LinearSolve, Node, Scan, Trace, While, pushforward


@dataclass(frozen=True)
class Link:
    """How one array depends on one input.

    ``elementwise``: entry i depends on entry i alone, and the shapes agree. ``affine``: affine in that input while all
    others stand still. Both are conservative: False may mean that it cannot be seen.
    """

    elementwise: bool = True
    affine: bool = True

    def then(self, other: Link) -> Link:
        """The link of a composition."""
        return Link(self.elementwise and other.elementwise, self.affine and other.affine)


Dependence = Mapping[int, Link]
"""Index of an input → how it enters; inputs that do not enter are absent."""

Rule = Callable[[Node, Sequence[Dependence]], Sequence[Dependence]]

RULES: dict[str, Rule] = table("dependence")

_within_rule: ContextVar[bool] = ContextVar("within_rule", default=False)


def dependence(trace: Trace) -> list[Dependence]:
    """Dependence of each output on the inputs of the trace.

    Examples
    --------
    >>> import numpy as np
    >>> from osculate._trace import trace
    >>> x = np.ones(3, "float32")
    >>> program, _ = trace(lambda x, y: x * 2.0 + y.sum(), x, x, asked="doctest")
    >>> dependence(program)[0]
    {0: Link(elementwise=True, affine=True), 1: Link(elementwise=False, affine=True)}
    """
    start: list[Dependence] = [{i: Link()} for i in range(len(trace.inputs))]
    return forward(trace, start, _step, lambda variable, value: cast(Dependence, {}))


def dependence_of_nodes(trace: Trace) -> list[tuple[Node, list[Dependence]]]:
    """Each node of a trace with the dependence of its inputs."""
    seen: list[tuple[Node, list[Dependence]]] = []

    def step(node: Node, inputs: list[Dependence]) -> Sequence[Dependence]:
        seen.append((node, inputs))
        return _step(node, inputs)

    start: list[Dependence] = [{i: Link()} for i in range(len(trace.inputs))]
    forward(trace, start, step, lambda variable, value: cast(Dependence, {}))
    return seen


def _step(node: Node, inputs: list[Dependence]) -> Sequence[Dependence]:
    if (rule := RULES.get(node.name)) is not None:
        return rule(node, inputs)
    if isinstance(node, Call):
        return _through(dependence(node.body), inputs)
    if isinstance(node, (CustomJVP, CustomVJP)):
        return _through(_joined_rule(node), inputs)
    if isinstance(node, Scan):
        return _scan(node, inputs)
    if isinstance(node, While):
        return _while(node, inputs)
    if isinstance(node, Cond):
        per_branch = [_through(dependence(branch), inputs[1:]) for branch in node.branches]
        return [
            _whole_or_scalar(inputs[0], v.shape, *column) for v, *column in zip(node.outputs, *per_branch, strict=True)
        ]
    if isinstance(node, LinearSolve):
        matrix, right = inputs[: node.right_sides.start], inputs[node.right_sides]
        return [_mixed([_not_affine(d) for d in matrix] + list(right))] * len(node.outputs)
    if node.name in ELEMENTWISE:
        return [_elementwise(node, inputs)]
    affine = getattr(node, "linear", False) or node.name in AFFINE
    return [_mixed(inputs if affine else [_not_affine(d) for d in inputs])] * len(node.outputs)


def _joined_rule(node: CustomJVP | CustomVJP) -> list[Dependence]:
    """Dependence by the value and by the user's own rule, which may mix what the value does not."""
    value = dependence(node.body)
    active = [i for i, v in enumerate(node.inputs) if v.inexact]
    if (
        _within_rule.get()
    ):  # a rule needs the values of the functions that it calls (often the same one), not their rules
        return [_not_affine(d) for d in value]
    token = _within_rule.set(True)
    try:
        rule = iter(dependence(pushforward(node, active)) if active else [])
    except Exception:  # a rule that cannot be read may do anything
        return [_not_affine(_mixed([d])) for d in value]
    finally:
        _within_rule.reset(token)
    count = len(node.inputs)
    results: list[Dependence] = []
    for links, variable in zip(value, node.outputs, strict=True):
        if not variable.inexact or not active:
            results.append(links)
            continue
        tangents = next(rule)
        # A tangent depends on an input as it stands, or through that input's own tangent.
        places = [{(i if i < count else active[i - count]): link} for i, link in tangents.items()]
        results.append(_joined([_not_affine(links), *map(_not_affine, places)]))
    return results


AFFINE = frozenset(
    {"neg", "add", "sub", "add_any", "convert_element_type", "copy", "real", "imag", "complex", "conj", "reduce_sum"}
    | {"cumsum", "fft", "reshape", "broadcast_in_dim", "squeeze", "expand_dims", "transpose", "rev", "slice", "split"}
    | {"concatenate", "pad"}
)

ELEMENTWISE = frozenset(
    {"neg", "add", "sub", "add_any", "mul", "div", "rem", "max", "min", "pow", "integer_pow", "square", "sqrt", "rsqrt"}
    | {"cbrt", "exp", "exp2", "expm1", "log", "log1p", "logistic", "sin", "cos", "tan", "asin", "acos", "atan", "atan2"}
    | {"sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "erfc", "erf_inv", "lgamma", "digamma", "polygamma"}
    | {"igamma", "igammac", "regularized_incomplete_beta", "zeta", "bessel_i0e", "bessel_i1e", "abs", "sign", "floor"}
    | {"ceil", "round", "clamp", "select_n", "convert_element_type", "copy", "real", "imag", "complex", "conj"}
    | {"nextafter", "is_finite", "eq", "ne", "lt", "le", "gt", "ge", "and", "or", "xor", "not", "stop_gradient"}
    | {"reduce_precision", "igamma_grad_a", "random_gamma_grad", "population_count", "one_minus_square", "name"}
)


def _elementwise(node: Node, inputs: Sequence[Dependence]) -> Dependence:
    shape = node.outputs[0].shape
    parts: list[Dependence] = []
    for variable, links in zip(node.inputs, inputs, strict=True):
        same = variable.shape == shape
        parts.append({i: Link(link.elementwise and same, link.affine) for i, link in links.items()})
    if node.name in AFFINE:
        return _joined(parts)
    if node.name == "mul":
        once = _counts(parts)
        return {i: Link(link.elementwise, link.affine and once[i] == 1) for i, link in _joined(parts).items()}
    if node.name == "div":
        return _joined([parts[0], _not_affine(parts[1])])
    return _not_affine(_joined(parts))


def _scan(node: Scan, inputs: Sequence[Dependence]) -> list[Dependence]:
    still, moving = list(inputs[: node.constants]), list(inputs[node.constants :])
    scanned = [_mixed([d]) for d in moving[node.carries :]]
    carry, rows = _settled(node.body, still, moving[: node.carries], scanned)
    return [_not_affine(d) for d in carry] + [_not_affine(_mixed([d])) for d in rows]


def _while(node: While, inputs: Sequence[Dependence]) -> list[Dependence]:
    before = node.predicate_constants
    after = before + node.body_constants
    carry, _ = _settled(node.body, list(inputs[before:after]), list(inputs[after:]), [])
    start = [_joined([a, b]) for a, b in zip(inputs[after:], carry, strict=True)]
    tested = _through(dependence(node.predicate), [*inputs[:before], *start])[0]
    return [_not_affine(_whole_or_scalar(tested, v.shape, d)) for v, d in zip(node.outputs, start, strict=True)]


def _settled(
    body: Trace, still: list[Dependence], carry: list[Dependence], scanned: list[Dependence]
) -> tuple[list[Dependence], list[Dependence]]:
    """Dependence of a loop's carry: a fixed point, since each step can only add to it."""
    inner = dependence(body)
    while True:
        outputs = _through(inner, [*still, *carry, *scanned])
        grown = [_joined([a, b]) for a, b in zip(carry, outputs[: len(carry)], strict=True)]
        if grown == carry:
            return carry, outputs[len(carry) :]
        carry = grown


def _through(inner: Sequence[Dependence], inputs: Sequence[Dependence]) -> list[Dependence]:
    """Dependence of a body's outputs on the outer inputs."""
    results: list[Dependence] = []
    for links in inner:
        parts = [{i: link.then(outer) for i, outer in inputs[j].items()} for j, link in links.items()]
        once = _counts(parts)
        results.append({i: Link(k.elementwise, k.affine and once[i] == 1) for i, k in _joined(parts).items()})
    return results


def _joined(parts: Sequence[Dependence]) -> Dependence:
    result: dict[int, Link] = {}
    for links in parts:
        for i, link in links.items():
            result[i] = result[i].then(link) if i in result else link
    return result


def _mixed(parts: Sequence[Dependence]) -> Dependence:
    return {i: Link(False, link.affine) for i, link in _joined(parts).items()}


def _not_affine(links: Dependence) -> Dependence:
    return {i: Link(link.elementwise, False) for i, link in links.items()}


def _whole_or_scalar(decision: Dependence, shape: Any, *parts: Dependence) -> Dependence:
    """A result that also depends on a scalar decision."""
    decided = _not_affine(decision)
    return _joined([*parts, decided if shape == () else _mixed([decided])])


def _counts(parts: Sequence[Dependence]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for links in parts:
        for i in links:
            counts[i] = counts.get(i, 0) + 1
    return counts
