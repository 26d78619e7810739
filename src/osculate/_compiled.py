"""Computations compiled once: traces that are equal but for the arrays they close over share one compiled program.

Each call of a transform traces the user's function anew, which is cheap and always right. Compiling is neither cheap
nor needed twice: the point and the arrays that the function closes over (the data) are passed to the compiled program
as arguments, so the next step of a training run, or the next batch, finds it ready, and no data is copied into it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextvars import ContextVar
from dataclasses import dataclass, fields, replace
from typing import Any
from weakref import WeakKeyDictionary

import jax
import jax.numpy as jnp
import numpy as np

from ._arguments import Point
from ._differentiable import reverse_gaps
from ._errors import OsculateError, Unreadable
from ._interpret import forward
from ._trace import (
    CustomJVP,
    CustomVJP,
    Literal,
    Node,
    Trace,
    Variable,
    at_top_level,
    closes_over_nothing,
    function_location,
    is_traced,
    pushforward,
)

Computation = Callable[..., Any]


@dataclass(frozen=True, eq=False)
class Program:
    """The user's function as a computation gets it: ``program(*primals)`` is a pair, the output and the auxiliary one.

    ``steps`` is the same as a program to be read; its constants may be tracers of the compilation.
    """

    steps: Trace
    function: Callable[..., tuple[Any, Any]]

    def __call__(self, *primals: Any) -> tuple[Any, Any]:
        """Output and auxiliary output."""
        return self.function(*primals)


_PROGRAMS_KEPT = 64
_programs: OrderedDict[Hashable, Callable[..., Any]] = OrderedDict()


def computed(point: Point, computation: Computation, *arrays: Any, options: tuple[Hashable, ...] = ()) -> Any:
    """``computation(program, primals, *arrays, *options)`` at the point, compiled where nothing is traced yet.

    ``program`` is a ``Program``. ``computation`` must be a function of a module (its identity is part of the key), made
    of operations that JAX can transform.
    """
    try:
        return _computed(point, computation, *arrays, options=options)
    except (ValueError, NotImplementedError, TypeError, AssertionError) as error:
        gap = None if isinstance(error, OsculateError) else next(reverse_gaps(point.trace), None)
        if gap is None:
            raise
        raise Unreadable(
            point.asked,
            f"JAX cannot differentiate primitive `{gap.primitive}` in reverse: {gap.reason}",
            where=gap.where or function_location(point.function),
            remedy="rewrite that line (a scan of known length instead of a while loop, say); osculate.coverage(f)(x) "
            "says what else can read it, and osculate.derivative_tensor(f, 2)(x) needs no reverse rule",
        ) from error


def _computed(point: Point, computation: Computation, *arrays: Any, options: tuple[Hashable, ...]) -> Any:
    constants = [_on_device(value) for _, value in point.trace.constants]
    arrays = jax.tree.map(_on_device, arrays)
    if not at_top_level() or is_traced(constants, point.primals, arrays):
        return computation(Program(point.trace, point.with_aux), point.primals, *arrays, *options)
    shapes = (point.output, point.auxiliary)
    if not all(map(_may_be_kept, point.trace.nodes)):
        return _compiled(_closed(point.trace, shapes, computation, options))(constants, point.primals, arrays)
    key = (_signature(point.trace), jax.tree.structure((shapes, point.primals)), computation, options, _setting())
    program = _programs.pop(key, None) or _compiled(_closed(point.trace, shapes, computation, options))
    _programs[key] = program
    while len(_programs) > _PROGRAMS_KEPT:
        _programs.popitem(last=False)
    return program(constants, point.primals, arrays)


def trace_key(trace: Trace) -> Hashable | None:
    """What is equal for traces that do the same, whatever arrays they close over; None for those seen only once."""
    return (_signature(trace), _setting()) if all(map(_may_be_kept, trace.nodes)) else None


def _closed(
    trace: Trace, shapes: tuple[Any, Any], computation: Computation, options: tuple[Hashable, ...]
) -> Callable[..., Any]:
    """The computation as a function of the constants and the point; it does not keep the constants of ``trace``."""
    # Neither the arrays nor ``run``, which holds them too, may stay alive with the compiled program.
    skeleton = replace(trace, constants=(), run=_not_run)
    variables = [variable for variable, _ in trace.constants]
    structure = jax.tree.structure(shapes)

    def program(constants: list[Any], primals: tuple[Any, ...], arrays: tuple[Any, ...]) -> Any:
        filled = replace(skeleton, constants=tuple(zip(variables, constants, strict=True)))

        def function(*moving: Any) -> tuple[Any, Any]:
            values = forward(filled, jax.tree.leaves(moving), _evaluate, _value)
            return jax.tree.unflatten(structure, values)

        return computation(Program(filled, function), primals, *arrays, *options)

    return program


def _compiled(program: Callable[..., Any]) -> Callable[..., Any]:
    """``program`` compiled, but results that are just arguments are handed through, where ``jax.jit`` copies them.

    The stored values of a linearised function are such: among them is the data.
    """
    structure: Any = None
    sources: list[int | None] = []

    def traced(*arguments: Any) -> list[Any]:
        nonlocal structure, sources
        positions = {id(argument): i for i, argument in enumerate(jax.tree.leaves(arguments))}
        results, structure = jax.tree.flatten(program(*arguments))
        sources = [positions.get(id(result)) for result in results]
        return [result for result, source in zip(results, sources, strict=True) if source is None]

    compiled = jax.jit(traced)

    def run(*arguments: Any) -> Any:
        new, given = iter(compiled(*arguments)), jax.tree.leaves(arguments)
        return jax.tree.unflatten(structure, [next(new) if i is None else given[i] for i in sources])

    return run


def _on_device(value: Any) -> Any:
    """NumPy arrays are copied over once here; ``jax.jit`` mixes up the precisions of one that it has seen in both."""
    return value if isinstance(value, jax.Array) else jnp.asarray(value)


def _evaluate(node: Node, values: list[Any]) -> list[Any]:
    return node.evaluate(*values)


def _value(variable: Variable, value: Any) -> Any:
    return value


def _not_run(*values: Any) -> list[Any]:
    raise NotImplementedError(f"a program without its constants, at {len(values)} values")


def _may_be_kept(node: Node) -> bool:
    """Whether an equal node can come again, and keeping this one keeps no data of the user's alive.

    Backward rules, callbacks, and forward rules that close over something are new objects in each trace, so a program
    with them would never be found again; JAX's own functions (``relu``, ``softmax``) are known by their names. What a
    body or a rule closes over is data.
    """
    if any(body.constants for body in node.bodies) or isinstance(node, CustomVJP):
        return False
    if isinstance(node, CustomJVP) and not (_is_of_jax(node) or _rule(node) is not None):
        return False
    if not node.bodies:
        return not any(callable(value) and not isinstance(value, type) for value in node.params.values())
    return all(_may_be_kept(inner) for body in node.bodies for inner in body.nodes)


def _is_of_jax(node: CustomJVP) -> bool:
    return node.function.startswith("jax.") and _is_setting(node.static)


_rules: WeakKeyDictionary[Node, Hashable] = WeakKeyDictionary()
_within: ContextVar[tuple[Hashable, ...]] = ContextVar("within", default=())


def _rule(node: CustomJVP) -> Hashable | None:
    """What a forward rule of the user's does, traced anew: it may read variables of its module, which change.

    None where it cannot be read, or uses arrays that a compiled program must not keep.
    """
    if node.key in _within.get():  # a rule that calls its own function
        return node.key
    if node not in _rules:
        token = _within.set((*_within.get(), node.key))
        try:
            rule = pushforward(node, [i for i, v in enumerate(node.inputs) if v.inexact])
            kept = closes_over_nothing(node.key) and not rule.constants and all(map(_may_be_kept, rule.nodes))
            _rules[node] = _signature(rule) if kept else None
        except Exception:  # whatever a rule does that no trace can follow
            _rules[node] = None
        finally:
            _within.reset(token)
    return _rules[node]


def _signature(trace: Trace) -> Hashable:
    """Equal for two traces exactly if they do the same to their inputs and constants, whatever the constants are."""
    numbers: dict[Variable, int] = {}

    def number(variable: Variable) -> Hashable:
        if isinstance(variable, Literal):
            return _type(variable), np.asarray(variable.value).tobytes()
        return numbers.setdefault(variable, len(numbers))

    given = (*trace.inputs, *(variable for variable, _ in trace.constants))
    parts: list[Hashable] = [(number(v), _type(v)) for v in given]
    parts += [(_operation(node), *map(number, node.inputs), "→", *map(number, node.outputs)) for node in trace.nodes]
    return (*parts, len(trace.inputs), *map(number, trace.outputs))


def _operation(node: Node) -> Hashable:
    """What a node does, with the signatures of its bodies in place of the programs, which each trace makes anew."""
    if not node.bodies:
        return node.key
    if isinstance(node, CustomJVP):
        rule = (node.function, node.static) if _is_of_jax(node) else (node.key, _rule(node))
        return node.name, rule, tuple(map(_signature, node.bodies))
    others = tuple((name, node.params[name]) for name in sorted(node.params) if _is_setting(node.params[name]))
    parts = tuple(str(getattr(node, f.name)) for f in fields(node) if isinstance(getattr(node, f.name), (int, slice)))
    return node.name, others, parts, tuple(map(_signature, node.bodies))


def _is_setting(value: Any) -> bool:
    """Whether a parameter is a value to compare, rather than a program or a function."""
    if isinstance(value, tuple):
        return all(map(_is_setting, value))
    return (
        isinstance(value, Hashable)
        and not callable(value)
        and not hasattr(value, "eqns")
        and not hasattr(value, "jaxpr")
    )


def _type(variable: Variable) -> Hashable:
    return variable.shape, str(variable.dtype), variable.weak


def _setting() -> Hashable:
    """Settings of JAX that change what a trace means."""
    return jax.config.jax_enable_x64, jax.config.jax_default_matmul_precision  # pyright: ignore[reportAttributeAccessIssue]
