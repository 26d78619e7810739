"""From a program of JAX to our own nodes. Each release of JAX that renames something is met here and in ``derived``."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from typing import Any

import jax
import jax.core
import jax.extend.core as jex
import numpy as np
from jax import lax
from jax.interpreters import ad

from .identity import custom_rule_key, static_arguments
from .nodes import (
    Call,
    Cond,
    CustomJVP,
    CustomVJP,
    Elementary,
    LinearSolve,
    Literal,
    Node,
    Scan,
    Trace,
    Variable,
    While,
)

_CALLS = frozenset(
    {"jit", "pjit", "closed_call", "core_call", "remat", "remat2", "checkpoint", "custom_vmap_call", "name"}
    | {"eval_jaxpr"}  # what JAX 0.12 writes the linear part of a rule as
)
_BODIES = ("jaxpr", "call", "call_jaxpr")
Body = Callable[[Any], Trace]
_JAX = os.path.dirname(jax.__file__) + os.sep
_linear_jvp = getattr(ad.primitive_jvps[lax.reduce_sum_p], "func", None)


def read(program: Any, within: Sequence[Any] = ()) -> Trace:
    """Read a (closed) jaxpr; nodes that no output needs are left out.

    ``within`` are the tracebacks of the nodes that the program is a body of: a primitive inside of a function of JAX's
    own is blamed on the user's call of that function.
    """
    jaxpr, consts = _opened(program)
    variables: dict[Any, Variable] = {}

    def variable(atom: Any) -> Variable:
        if isinstance(atom, jex.Literal):
            return Literal(*_type(atom.aval), value=atom.val)
        if atom not in variables:
            variables[atom] = Variable(*_type(atom.aval))
        return variables[atom]

    constants = tuple((variable(v), c) for v, c in zip(jaxpr.constvars, consts, strict=True))
    inputs = tuple(variable(v) for v in jaxpr.invars)
    debug = jaxpr.debug_info._replace(arg_names=None, result_paths=None)
    nodes = [
        _node(e, tuple(map(variable, e.invars)), tuple(map(variable, e.outvars)), debug, within) for e in _needed(jaxpr)
    ]
    outputs = tuple(variable(v) for v in jaxpr.outvars)
    return Trace(inputs, constants, tuple(nodes), outputs, partial(_evaluate, jaxpr, consts))


def _opened(program: Any) -> tuple[Any, Sequence[Any]]:
    """The open program and its constants; JAX 0.12 merged the two classes, and remat keeps an open one."""
    return program.jaxpr if hasattr(program, "jaxpr") else program, tuple(getattr(program, "consts", ()))


def _evaluate(jaxpr: Any, consts: Sequence[Any], *values: Any) -> list[Any]:
    return list(jax.core.eval_jaxpr(jaxpr, consts, *values))


def _type(aval: Any) -> tuple[tuple[int, ...], Any, bool]:
    return (
        tuple(getattr(aval, "shape", ())),
        getattr(aval, "dtype", np.dtype(object)),
        getattr(aval, "weak_type", False),
    )


def _needed(jaxpr: Any) -> list[Any]:
    """Equations that an output needs, or that have an effect."""
    wanted = {v for v in jaxpr.outvars if not isinstance(v, jex.Literal)}
    kept: list[Any] = []
    for equation in reversed(jaxpr.eqns):
        if equation.effects or any(v in wanted for v in equation.outvars):
            kept.append(equation)
            wanted.update(v for v in equation.invars if not isinstance(v, jex.Literal))
    return kept[::-1]


def _node(
    equation: Any, inputs: tuple[Variable, ...], outputs: tuple[Variable, ...], debug: Any, within: Sequence[Any]
) -> Node:
    name = equation.primitive.name
    common: dict[str, Any] = {
        "name": name,
        "inputs": inputs,
        "outputs": outputs,
        "params": equation.params,
        "key": (equation.primitive, _hashable(equation.params)),
        "run": _runner(equation, debug),
        "tracebacks": (equation.source_info.traceback, *within),
    }
    body_of = partial(read, within=common["tracebacks"])
    if (
        name in _CALLS
        and (body := next((equation.params[b] for b in _BODIES if b in equation.params), None)) is not None
    ):
        return Call(**common, body=body_of(body))
    if name in _READERS:
        return _READERS[name](common, equation.params, body_of)
    rule = ad.primitive_jvps.get(equation.primitive)
    linear = _linear_jvp is not None and getattr(rule, "func", None) is _linear_jvp
    return Elementary(**common, linear=linear)


def _runner(equation: Any, debug: Any) -> Callable[..., Sequence[Any]]:
    """Evaluate one equation. ``get_bind_params`` changed between releases; a one-equation program did not."""
    primitive, params = equation.primitive, equation.params
    if not any(_is_program(v) or callable(v) for v in params.values()):

        def bind(*values: Any) -> Sequence[Any]:
            out = primitive.bind(*values, **params)
            return out if primitive.multiple_results else [out]

        return bind

    fresh = jex.gensym()
    invars = [fresh(v.aval) for v in equation.invars]
    outvars = [fresh(v.aval) for v in equation.outvars]
    single = jex.Jaxpr(
        constvars=[],
        invars=invars,
        outvars=outvars,
        eqns=[equation.replace(invars=invars, outvars=outvars)],
        effects=equation.effects,
        debug_info=debug,
    )
    return partial(_evaluate, single, ())


def _is_program(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return any(map(_is_program, value))
    return isinstance(value, (jex.Jaxpr, jex.ClosedJaxpr))


def _hashable(params: Mapping[str, Any]) -> Hashable:
    """Parameters as a key. What does not hash counts by identity: at worst two equal operations differ."""
    return tuple((name, _frozen(params[name])) for name in sorted(params))


def _frozen(value: Any) -> Hashable:
    if isinstance(value, Mapping):
        return tuple((repr(k), _frozen(v)) for k, v in value.items())
    if isinstance(value, (tuple, list)):
        return (type(value).__name__, *map(_frozen, value))
    try:
        hash(value)
    except TypeError:
        return ("identity", id(value))
    return value


def _custom_jvp(common: dict[str, Any], params: Mapping[str, Any], body_of: Body) -> Node:
    body = body_of(params["call_jaxpr"])
    if (key := custom_rule_key(params, body)) is not None:
        common["key"] = key
    name, static = _function_name(_opened(params["call_jaxpr"])[0]), static_arguments(params)
    return CustomJVP(**common, body=body, function=name, static=static)


def _function_name(jaxpr: Any) -> str:
    """The name of the function that a program was made of; JAX's own ones are told from the user's by their file."""
    name, _, place = str(getattr(jaxpr.debug_info, "func_src_info", "")).partition(" at ")
    return f"jax.{name}" if place.startswith(_JAX) else name


def _custom_vjp(common: dict[str, Any], params: Mapping[str, Any], body_of: Body) -> Node:
    return CustomVJP(**common, body=body_of(params.get("call_jaxpr", params.get("fun_jaxpr"))))


def _scan(common: dict[str, Any], params: Mapping[str, Any], body_of: Body) -> Node:
    if "num_carry" in params:
        constants, carries = params["num_consts"], params["num_carry"]
    else:  # JAX 0.12 describes the inputs by three trees: constants, carries, scanned
        constants, carries, _ = (len(tree) for tree in params["ft_in"].unpack())
    return Scan(
        **common,
        body=body_of(params["jaxpr"]),
        constants=constants,
        carries=carries,
        length=params["length"],
        reverse=params["reverse"],
        unroll=params["unroll"],
    )


def _while(common: dict[str, Any], params: Mapping[str, Any], body_of: Body) -> Node:
    return While(
        **common,
        predicate=body_of(params["cond_jaxpr"]),
        body=body_of(params["body_jaxpr"]),
        predicate_constants=params["cond_nconsts"],
        body_constants=params["body_nconsts"],
    )


def _cond(common: dict[str, Any], params: Mapping[str, Any], body_of: Body) -> Node:
    return Cond(**common, branches=tuple(map(body_of, params["branches"])))


def _linear_solve(common: dict[str, Any], params: Mapping[str, Any], body_of: Body) -> Node:
    lengths, programs = params["const_lengths"], params["jaxprs"]
    before = lengths.matvec + lengths.vecmat
    after = before + lengths.solve + lengths.transpose_solve
    return LinearSolve(
        **common,
        matvec=body_of(programs.matvec),
        solve=body_of(programs.solve),
        matvec_constants=lengths.matvec,
        solve_constants=slice(before, before + lengths.solve),
        right_sides=slice(after, len(common["inputs"])),
    )


_READERS: dict[str, Callable[[dict[str, Any], Mapping[str, Any], Body], Node]] = {
    "custom_jvp_call": _custom_jvp,
    "custom_vjp_call": _custom_vjp,
    "custom_vjp_call_jaxpr": _custom_vjp,
    "scan": _scan,
    "while": _while,
    "cond": _cond,
    "custom_linear_solve": _linear_solve,
}
