"""How far rounding moves the result of a program: its first-order error, sampled.

Every operation of a program in floating point rounds. To first order the error of the result is the derivative of the
rest of the program applied to the rounding errors; so it is one tangent, pushed forward through the program, to which
every operation adds its own rounding: that of its result and, where terms are summed inside it (a matrix product, a
loop, a factorisation), that of its operands. It sees what a bound like n·ε·‖H‖·‖x‖ can only guess: which terms cancel.

The errors are taken as independent, with mean zero and the standard deviation ε, the machine epsilon, relative to the
numbers they belong to. The worst single rounding is ε/2, and its standard deviation, if it is uniform, 0.29 ε: so a
result is distinguishable from zero if it exceeds the root mean square sampled here, which is 3.5 standard deviations of
that model. (Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd edition, SIAM 2002, sections 2.8 and 3.1;
Higham and Mary, *SIAM J. Sci. Comput.* 41 (2019), for independent errors.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from osculate._interpret import forward
from osculate._trace import Call, Elementary, Literal, Node, Trace, Variable, pushforward, trace

_Rounded = tuple[Any, Any]
"""A value and its error so far, an array or None."""

_EXACT = (
    {"neg", "abs", "sign", "max", "min", "clamp", "select_n", "reduce_max", "reduce_min", "sort", "real", "imag"}
    | {"conj", "copy", "stop_gradient", "reshape", "squeeze", "expand_dims", "broadcast_in_dim", "transpose", "rev"}
    | {"slice", "dynamic_slice", "dynamic_update_slice", "concatenate", "split", "pad", "gather", "scatter", "iota"}
)
"""What only chooses, moves or changes signs does not round."""

_LENGTH = 8191
"""Numbers in a row of the table; a prime, so that repeats of it do not fall in step with the rows of an array."""


def rounding(function: Callable[..., Any], primals: tuple[Any, ...], numbers: jax.Array) -> Any:
    """How large the rounding error of each output of ``function(*primals)`` is, in the Frobenius norm.

    Parameters
    ----------
    function : callable
        Returns a pytree of arrays.
    primals : tuple
        Its arguments, which count as rounded themselves.
    numbers : array
        ``table(samples)``, passed in so that it is no part of the compiled program.

    Returns
    -------
    pytree of scalars
        Like the output of ``function``: the root mean square over the samples.
    """
    program, shape = trace(function, *primals, asked="osculate.classify")
    values = jax.tree.leaves(primals)
    norms = jax.vmap(lambda row: [_norm(error) for error in _errors(program, values, row)])(numbers)
    sizes = [_norm(norm) / np.sqrt(numbers.shape[0]).astype(norm.dtype) for norm in norms]
    return jax.tree.unflatten(jax.tree.structure(shape), sizes)


def _norm(array: jax.Array) -> jax.Array:
    """Euclidean norm that neither overflows nor underflows."""
    largest = jnp.max(jnp.abs(array), initial=0)
    return largest * jnp.sqrt(jnp.sum((array / jnp.where(largest == 0, 1, largest)) ** 2))


def _errors(program: Trace, values: Sequence[Any], row: jax.Array) -> list[jax.Array]:
    """One sample of the first-order error of each output of a program."""
    noise = _Noise(row)

    def step(node: Node, inputs: Sequence[_Rounded]) -> Sequence[_Rounded]:
        if isinstance(node, Call):
            return forward(node.body, inputs, step, exact)
        values = [value for value, _ in inputs]
        results = node.evaluate(*values)
        inexact = [i for i, v in enumerate(node.inputs) if v.inexact and not isinstance(v, Literal)]
        errors = {i: inputs[i][1] for i in inexact if inputs[i][1] is not None}
        if not _is_one_operation(node):
            errors = {i: _plus(errors.get(i), noise(values[i])) for i in inexact}
        moved: list[Any] = [None] * len(results)
        if errors:
            moved = pushforward(node, tuple(errors)).evaluate(*values, *errors.values())
        left = iter(moved)
        arriving = [next(left) if v.inexact else None for v in node.outputs]
        if node.name not in _EXACT and inexact:
            arriving = [
                _plus(e, noise(y)) if v.inexact else None
                for e, y, v in zip(arriving, results, node.outputs, strict=True)
            ]
        return list(zip(results, arriving, strict=True))

    def exact(variable: Variable, value: Any) -> _Rounded:
        return value, None

    given = [(value, noise(value)) for value in values]
    results: list[_Rounded] = forward(program, given, step, exact)
    return [jnp.zeros_like(value) if error is None else error for value, error in results]


def _is_one_operation(node: Node) -> bool:
    """Whether each entry of the result takes one operation, so that no terms can cancel inside."""
    return node.name in _EXACT or (
        isinstance(node, Elementary)
        and all(v.shape == node.outputs[0].shape or isinstance(v, Literal) for v in node.inputs)
    )


def _plus(error: jax.Array | None, more: jax.Array) -> jax.Array:
    return more if error is None else error + more


class _Noise:
    """Independent relative errors: numbers with mean 0 and variance 1, times ε and the value they belong to.

    All are cut from one short table of random numbers at random places, repeated where a value is longer: numbers for
    every intermediate value of a program would take as much memory as all of these together.
    """

    def __init__(self, table: jax.Array) -> None:
        self.table, self.places = table, np.random.default_rng(0)

    def __call__(self, value: Any) -> jax.Array:
        value = jnp.asarray(value)
        start = int(self.places.integers(self.table.size - min(value.size, self.table.size) + 1))
        numbers = jnp.resize(self.table[start : start + value.size], value.shape).astype(value.real.dtype)
        return value * (float(jnp.finfo(value.dtype).eps) * numbers).astype(value.dtype)


@cache
def table(samples: int) -> np.ndarray[Any, Any]:
    """Numbers with mean 0 and variance 1, uniform as rounding errors are: one row a sample."""
    return (np.sqrt(3) * np.random.default_rng(0).uniform(-1, 1, (samples, _LENGTH))).astype(np.float32)
