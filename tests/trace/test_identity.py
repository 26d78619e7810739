"""Two calls of a custom_jvp function are one stream exactly if they do the same."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import osculate
from osculate._trace import CustomJVP, trace


def custom(value: Callable[..., Any], slope: Callable[..., Any]) -> Any:
    function = jax.custom_jvp(value)
    function.defjvp(lambda primals, tangents: (function(*primals), slope(*primals) * tangents[0]))
    return function


SINE = custom(jnp.sin, jnp.cos)


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def power(x, n):
    return x**n


@power.defjvp
def _power_jvp(n, primals, tangents):
    return power(primals[0], n), n * power(primals[0], n - 1) * tangents[0]


def keys(function: Callable[[Any], Any], x: Any = 0.7) -> list[Any]:
    program, _ = trace(function, jnp.asarray(x), asked="test")
    return [node.key for node in program.nodes if isinstance(node, CustomJVP)]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: SINE(x) + SINE(2 * x),
        lambda x: power(x, 3) * power(x, 3),
        lambda x: power(x, float("nan")) * power(x, float("nan")),
        lambda x: power(x, 2) + power(x**2, 2),
    ],
)
def test_calls_that_do_the_same_have_one_key(function: Callable[[Any], Any]) -> None:
    one, two = keys(function)
    assert one == two
    assert hash(one) == hash(two)


def test_calls_within_one_vmap_have_one_key() -> None:
    one, two = keys(jax.vmap(lambda x: SINE(x) + SINE(x**2)), [0.3, 0.7])
    assert one == two


def _shared_rule() -> tuple[Any, Any]:
    one, two = jax.custom_jvp(jnp.sin), jax.custom_jvp(jnp.cos)

    def rule(primals: Any, tangents: Any) -> Any:
        return one(*primals), tangents[0]

    one.defjvp(rule)
    two.defjvp(lambda primals, tangents: rule(primals, tangents))
    two.jvp = rule  # the very same rule for another value
    return one, two


def test_calls_that_differ_have_keys_that_differ() -> None:
    other = custom(jnp.sin, jnp.exp)
    one, two = _shared_rule()
    different: list[Callable[[Any], Any]] = [
        lambda x: SINE(x) + other(x),
        lambda x: power(x, 2) + power(x, 3),
        lambda x: power(x, 2) + power(x, 2.0),
        lambda x: power(x, 0.0) + power(x, -0.0),
        lambda x: one(x) + two(x),
        lambda x: SINE(x) + SINE(jnp.stack([x, x]))[0],
    ]
    for function in different:
        first, second = keys(function)
        assert first != second


def test_values_closed_over_are_inputs() -> None:
    """The same rule for functions that close over different arrays: the arrays arrive as inputs."""

    def rule(primals: Any, tangents: Any) -> Any:
        return jnp.sum(primals[0]), jnp.sum(tangents[0])

    def made(data: Any) -> Any:
        function = jax.custom_jvp(lambda x: jnp.sum(x * data))
        function.defjvp(rule)
        return function

    with jax.enable_x64():
        x = jnp.ones(3)
        value, _ = osculate.jet(
            lambda x: (made(np.ones(3))(x), made(np.array([0.0, 1.0, 7.0]))(x)), (x,), ([x],), scaling="coefficient"
        )
    assert [float(v) for v in value] == [3.0, 8.0]


def counted(order: int) -> int:
    """How often the rule of a function that calls itself thrice is read at this order."""
    count = 0

    @jax.custom_jvp
    def f(x: Any) -> Any:
        return jnp.exp(x)

    @f.defjvp
    def rule(primals: Any, tangents: Any) -> Any:
        nonlocal count
        count += 1
        (x,), (v,) = primals, tangents
        return f(x), (f(x) + f(x) * (1 - f(0 * x) + 0 * f(x / 2))) * v

    with jax.enable_x64():
        found = osculate.derivative(f, order)(0.5)
    # d/dx: f(0·x) and f(x/2) move along, too; their values are 1 and whatever, times zero.
    assert found == pytest.approx(float(np.exp(0.5)), rel=1e-12)
    return count


def test_a_rule_that_calls_its_own_function_often_is_read_a_few_times() -> None:
    assert counted(4) <= 30
    assert counted(10) <= 3 * counted(4)
