"""Walking a trace, forwards and backwards, and the open tables of rules that give each step its meaning."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from ._errors import WrongInput
from ._trace import Literal, Node, Trace, Variable

V = TypeVar("V")
R = TypeVar("R", bound=Callable[..., Any])

_TABLES: dict[str, dict[str, Callable[..., Any]]] = {}


def table(reading: str) -> dict[str, Callable[..., Any]]:
    """The rules of a reading by primitive name; made when first asked for by the reading itself."""
    return _TABLES.setdefault(reading, {})


def register(reading: str, *primitives: Any) -> Callable[[R], R]:
    """Register a rule of a reading for one or several primitives; use it as a decorator.

    Parameters
    ----------
    reading : str
        The reading that learns the rule: ``"jets"``, ``"dependence"`` or ``"rows"``.
    *primitives : jax.extend.core.Primitive or str
        The primitives, or their names as a trace prints them.

    Returns
    -------
    callable
        The decorator; it returns the rule unchanged. The last rule registered for a primitive counts.

    Raises
    ------
    WrongInput
        If there is no such reading.

    Notes
    -----
    A rule of ``"jets"`` is ``rule(network, node, inputs) → streams``; one of ``"dependence"`` is
    ``rule(node, inputs) → dependences``; one of ``"rows"`` is ``rule(node, rows) → rows, or why they mix``.
    ``CONTRIBUTING.md`` adds one in ten minutes.

    Examples
    --------
    A primitive of one's own that does not change with its inputs, such as a table look-up:

    >>> from osculate import register
    >>> @register("jets", "my_look_up")
    ... def constant_rule(network, node, inputs):
    ...     return network.constants(node, inputs)
    """
    if reading not in _TABLES:
        raise WrongInput(
            "osculate.register",
            f"there is no reading {reading!r}",
            remedy=f"one of {', '.join(map(repr, sorted(_TABLES)))}",
        )

    def decorate(rule: R) -> R:
        for primitive in primitives:
            _TABLES[reading][primitive if isinstance(primitive, str) else primitive.name] = rule
        return rule

    return decorate


def forward(
    trace: Trace,
    inputs: Sequence[V],
    step: Callable[[Node, list[V]], Sequence[V]],
    constant: Callable[[Variable, Any], V],
) -> list[V]:
    """Carry a value from every input to the outputs, through ``step`` at each node.

    ``constant`` makes the value of a literal or of an array that the trace closes over. A value is let go at its last
    use, so that long programs do not keep all of them.
    """
    values: dict[Variable, V] = {variable: constant(variable, array) for variable, array in trace.constants}
    values.update(zip(trace.inputs, inputs, strict=True))

    def read(variable: Variable) -> V:
        return constant(variable, variable.value) if isinstance(variable, Literal) else values[variable]

    last = _last_uses(trace)
    for index, node in enumerate(trace.nodes):
        results = step(node, [read(v) for v in node.inputs])
        values.update(zip(node.outputs, results, strict=True))
        for variable in {*node.inputs, *node.outputs}:
            if last.get(variable, -1) <= index and not isinstance(variable, Literal):
                values.pop(variable, None)
    return [read(v) for v in trace.outputs]


def backward(
    trace: Trace,
    outputs: Sequence[V | None],
    step: Callable[[Node, list[V | None]], Sequence[V | None]],
    join: Callable[[V, V], V],
) -> list[V | None]:
    """Carry a value from every output back to the inputs; None means nothing arrives there.

    ``step`` turns what arrived at the outputs of a node into what it sends to its inputs; ``join`` combines what
    several uses of the same variable send.
    """
    arrived: dict[Variable, V] = {}

    def send(variable: Variable, value: V | None) -> None:
        if value is not None and not isinstance(variable, Literal):
            arrived[variable] = join(arrived[variable], value) if variable in arrived else value

    for variable, value in zip(trace.outputs, outputs, strict=True):
        send(variable, value)
    for node in reversed(trace.nodes):
        here = [arrived.pop(v, None) for v in node.outputs]
        if any(value is not None for value in here):
            for variable, value in zip(node.inputs, step(node, here), strict=True):
                send(variable, value)
    return [arrived.get(v) for v in trace.inputs]


def _last_uses(trace: Trace) -> Mapping[Variable, int]:
    """Index of the node that uses each variable last; outputs of the trace are never let go."""
    last: dict[Variable, int] = {v: i for i, node in enumerate(trace.nodes) for v in node.inputs}
    last.update(dict.fromkeys(trace.outputs, len(trace.nodes)))
    return last
