"""When two nodes do the same: keys of programs, and of functions with the user's own forward rule.

JAX makes the program of a ``custom_jvp`` function, and a wrapper of its rule, anew at each call. What stays the same is
the rule that the user wrote, and what the program does. Two calls with the same rule, the same static arguments and
the same program are the same function, so that a rule that calls its own function closes into a recurrence instead of
being read again and again: at each order twice as often as at the one before if it calls itself twice.

Where JAX keeps the rule in another way than those known here, the key is the equation's own: two calls then differ.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from .nodes import Call, Cond, Literal, Node, Scan, Trace, Variable, While

_WRAPPERS = ("_memoize.<locals>.memoized", "process_custom_jvp_call.<locals>.jvp_jaxpr_thunk", "lift_jvp.<locals>.jvp")


@dataclass(frozen=True, eq=False)
class Same:
    """An object that is compared by identity, and kept alive so that its identity stays its own."""

    thing: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.thing is other.thing

    def __hash__(self) -> int:
        return id(self.thing)


def custom_rule_key(params: Mapping[str, Any], body: Trace) -> Hashable:
    """Key of a ``custom_jvp`` call; None where the user's rule cannot be found in it."""
    rule = _rule(params.get("jvp_jaxpr_fun"))
    if rule is None:
        return None
    settings = tuple((name, _frozen(params[name])) for name in ("num_consts", "symbolic_zeros") if name in params)
    return "custom_jvp_call", rule, settings, program_key(body)


def static_arguments(params: Mapping[str, Any]) -> tuple[Any, ...]:
    """The arguments of a ``custom_jvp`` function that are no arrays of the program."""
    function = params.get("jvp_jaxpr_fun")
    while (wrapped := function) is not None:
        for transformation, arguments in getattr(wrapped, "transforms", ()):
            if getattr(transformation, "__name__", "") == "_prepend_static_args":
                return tuple(argument.val for argument in arguments[0])
        function = getattr(wrapped, "f", None) if hasattr(wrapped, "transforms") else _wrapped(wrapped)
    return ()


def closes_over_nothing(key: Hashable) -> bool:
    """Whether nothing that a key holds on to is data: then it may be kept, and an equal one can come again.

    A rule that is written inside another function closes over what is there, and is a new one in each call.
    """
    return _plain(key, [])


def _plain(value: Any, seen: list[Any]) -> bool:
    if any(value is other for other in seen):
        return True
    seen = [*seen, value]
    if isinstance(value, Same):
        return _plain(value.thing, seen)
    if isinstance(value, (tuple, list)):
        return all(_plain(part, seen) for part in value)
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes, type, np.dtype)):
        return True
    if isinstance(value, jax.custom_jvp):
        own = vars(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        return all(_plain(part, seen) for name, part in own.items() if not name.startswith("__"))
    if isinstance(value, types.FunctionType):
        return all(_plain(cell.cell_contents, seen) for cell in value.__closure__ or ())
    ours = type(value).__module__.partition(".")[0] in ("jax", "jaxlib")  # primitives, structures, settings
    return ours and not isinstance(value, jax.Array)


def _wrapped(function: Any) -> Any:
    """What one of JAX's wrappers of a rule wraps; None where that is not clear."""
    if not _is_wrapper(function):
        return None
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    inner = [cell for cell in cells if hasattr(cell, "transforms") or _is_wrapper(cell)]
    return inner[0] if len(inner) == 1 else None


def program_key(trace: Trace) -> Hashable:
    """Equal for two programs only if they do the same; the arrays that they close over count by identity."""
    numbers: dict[Variable, int] = {}

    def number(variable: Variable) -> Hashable:
        if isinstance(variable, Literal):
            value = np.asarray(variable.value)
            return _type(variable), value.tobytes(), str(value.dtype)
        return numbers.setdefault(variable, len(numbers))

    parts: list[Hashable] = [(number(v), _type(v)) for v in trace.inputs]
    parts += [(number(v), Same(value)) for v, value in trace.constants]
    for node in trace.nodes:
        outputs = [(number(v), _type(v)) for v in node.outputs]
        parts.append((_operation(node), *map(number, node.inputs), "→", *outputs))
    return (*parts, *map(number, trace.outputs))


def _operation(node: Node) -> Hashable:
    """What a node does, with the keys of its bodies in place of the programs, which each trace makes anew."""
    if not isinstance(node, (Call, Cond, Scan, While)):
        return node.key
    others = tuple(
        (name, _frozen(node.params[name])) for name in sorted(node.params) if not _is_program(node.params[name])
    )
    return node.name, others, tuple(map(program_key, node.bodies))


def _is_program(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return bool(value) and all(map(_is_program, value))
    return hasattr(value, "eqns") or hasattr(value, "jaxpr")


def _rule(function: Any) -> Hashable:
    """The user's rule and the static arguments that JAX's wrappers of it hold; None for a wrapper not known here."""
    if hasattr(function, "transforms") and hasattr(function, "f"):
        inner = _rule(function.f)
        if inner is None:
            return None
        if not function.transforms and not function.params:
            return inner
        return inner, tuple(map(_transform, function.transforms)), _frozen(function.params)
    if not _is_wrapper(function):
        return Same(function) if callable(function) else None
    numbers = tuple(c.cell_contents for c in function.__closure__ or () if isinstance(c.cell_contents, int))
    inner = _rule(_wrapped(function))
    if inner is None or not any(numbers):  # a wrapper that takes no constants off the arguments changes nothing
        return inner
    return numbers, inner


def _is_wrapper(function: Any) -> bool:
    name = getattr(function, "__qualname__", "")
    return (getattr(function, "__module__", None) or "").startswith("jax.") and name.endswith(_WRAPPERS)


def _transform(entry: tuple[Callable[..., Any], tuple[Any, ...]]) -> Hashable:
    """One of JAX's transformations of a rule; of what flattens its arguments, only their structure counts."""
    transformation, arguments = entry
    if getattr(transformation, "__name__", "") == "_flatten_jvp":
        arguments = tuple(a for a in arguments if isinstance(a, (str, jax.tree_util.PyTreeDef)))
    return Same(transformation), tuple(map(_frozen, arguments))


def _frozen(value: Any) -> Hashable:
    """A parameter as part of a key: plain values as they are written, all else by identity."""
    if isinstance(value, (tuple, list)):
        return (type(value).__name__, *map(_frozen, value))
    if hasattr(value, "val"):  # what JAX wraps so that it hashes, or does not
        return type(value).__name__, _frozen(value.val)
    if value is None or isinstance(value, (bool, int, float, complex, str, np.dtype)):
        return type(value).__name__, repr(value)  # as text, where 0.0 is not −0.0 and NaN equals itself
    return value if isinstance(value, jax.tree_util.PyTreeDef) else Same(value)


def _type(variable: Variable) -> Hashable:
    return variable.shape, str(variable.dtype), variable.weak
