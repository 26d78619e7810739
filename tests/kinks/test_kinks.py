"""Where a program is not differentiable is found and named; where it is, nothing is said."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from osculate._kinks import kinks, warn_of_kinks
from osculate._trace import trace


def found(function: Callable[..., Any], *points: Any, order: int | None = None) -> list[Any]:
    values = [jnp.asarray(p, float) for p in points]
    program, _ = trace(function, *values, asked="test")
    return kinks(program, values, order)


STACK = lambda x: jnp.stack([x**2, x, x**3])  # noqa: E731
ONES = np.array([1.0, 1.0, 2.0])


@jax.custom_jvp
def kinked(x):
    return jnp.abs(x)


kinked.defjvps(lambda v, out, x: jnp.where(x >= 0, v, -v))

KINKED: dict[str, tuple[Callable[..., Any], Any, str]] = {
    "abs": (jnp.abs, 0.0, "abs"),
    "abs_of_a_difference": (lambda x: jnp.abs(x[0] - x[1]), ONES, "abs"),
    "sign": (lambda x: jnp.sign(x) * x, 0.0, "sign"),
    "maximum": (lambda x: jnp.maximum(x**2, x**3), 1.0, "max"),
    "minimum": (lambda x: jnp.minimum(x, 1.0), 1.0, "min"),
    "relu": (jax.nn.relu, 0.0, "jax.relu"),
    "relu_in_a_network": (lambda x: jnp.sum(jax.nn.relu(x - 1.0)), ONES, "jax.relu"),
    "relu6": (jax.nn.relu6, 6.0, "jax.relu6"),
    "leaky_relu": (jax.nn.leaky_relu, 0.0, "select_n"),
    "elu": (lambda x: jax.nn.elu(x, alpha=2.0), 0.0, "select_n"),
    "largest": (lambda x: jnp.max(STACK(x)), 1.0, "reduce_max"),
    "largest_of_many": (lambda x: jnp.max(x[:2]), ONES, "reduce_max"),
    "smallest": (lambda x: jnp.min(x), ONES, "reduce_min"),
    "clip": (lambda x: jnp.clip(x**2, 0.0, 1.0), 1.0, "min"),
    "clamp": (lambda x: lax.clamp(0.0, x**2, 1.0), 1.0, "clamp"),
    "sort": (lambda x: jnp.sort(STACK(x))[0], 1.0, "sort"),
    "sort_with_values": (lambda x: lax.sort((x, x**2 * jnp.arange(3.0)), num_keys=1)[1], ONES, "sort"),
    "median": (lambda x: jnp.median(STACK(x)), 1.0, "sort"),
    "top_k": (lambda x: lax.top_k(STACK(x), 1)[0], 1.0, "top_k"),
    "argmax": (lambda x: STACK(x)[jnp.argmax(STACK(x))], 1.0, "argmax"),
    "running_maximum": (lambda x: lax.cummax(STACK(x)), 1.0, "cummax"),
    "window": (
        lambda x: lax.reduce_window(STACK(x), -jnp.inf, lax.max, (2,), (1,), "VALID"),
        1.0,
        "reduce_window_max",
    ),
    "scatter": (lambda x: x.at[jnp.array([0])].max(x[1] ** 2), ONES, "scatter-max"),
    "floor": (lambda x: x * jnp.floor(x), 2.0, "floor"),
    "ceil": (lambda x: jnp.ceil(x) * x, 2.0, "ceil"),
    "round": (lambda x: x * jnp.round(x), 2.5, "round"),
    "remainder": (lambda x: jnp.fmod(x, 1.5), 3.0, "rem"),
    "modulo": (lambda x: jnp.mod(x, 1.5), 3.0, "rem"),
    "where": (lambda x: jnp.where(x > 0, jnp.sin(x), jnp.exp(x)), 0.0, "select_n"),
    "where_of_both": (lambda x: jnp.where((x > 0) & (x < 5), x**2, x), 0.0, "select_n"),
    "heaviside_as_float": (lambda x: (x > 1.0).astype(float) * x, 1.0, "convert_element_type"),
    "cond": (lambda x: lax.cond(x >= 0, jnp.sin, jnp.cos, x), 0.0, "cond"),
    "within_cond": (lambda x: lax.cond(x < 5, jnp.abs, jnp.cos, x), 0.0, "abs"),
    "sqrt": (lambda x: jnp.sqrt(x) * x, 0.0, "sqrt"),
    "norm": (jnp.linalg.norm, np.zeros(3), "sqrt"),
    "power": (lambda x: x**1.5, 0.0, "pow"),
    "logarithm": (lambda x: x * jnp.log(x), 0.0, "log"),
    "arcsin": (jnp.arcsin, 1.0, "asin"),
    "own_rule": (kinked, 0.0, "kinked"),
    "own_rule_vmapped": (jax.vmap(kinked), np.array([0.0, 1.0]), "kinked"),
    "inside_jit": (jax.jit(lambda x: jnp.abs(x) + 1), 0.0, "abs"),
}
SMOOTH: dict[str, tuple[Callable[..., Any], Any]] = {
    "equals_that_move_together": (lambda x: jnp.maximum(x, x) + jnp.maximum(2 * x, x + x), 1.0),
    "equal_constants": (lambda x: x * jnp.maximum(1.0, jnp.ones(())), 1.0),
    "largest_of_copies": (lambda x: jnp.max(jnp.stack([x, x, 0 * x])), 1.0),
    "equals_below_the_largest": (lambda x: jnp.max(jnp.stack([x, x**2, 5 + x])), 1.0),
    "away": (lambda x: jnp.abs(x) + jnp.maximum(x, 0.5) + jax.nn.relu(x) + jnp.floor(x) + jnp.sqrt(x), 1.3),
    "softmax": (jax.nn.softmax, ONES),
    "log_sum_exp": (jax.nn.logsumexp, ONES),
    "soft_plus": (jax.nn.softplus, 0.0),
    "log_add_exp": (lambda x: jnp.logaddexp(x, x**2), 1.0),
    "silu_gelu": (lambda x: jax.nn.silu(x) + jax.nn.gelu(x), 0.0),
    "sinc": (jnp.sinc, 0.0),
    "thrown_away": (lambda x: jnp.where(x < 1.0, jnp.sqrt(jnp.abs(x - 0.0)) * 0 + x, jnp.abs(x)) * (x + 3), -2.0),
    "masked": (lambda x: jnp.where(np.array([True, False, False]), jnp.abs(x), x), np.array([1.0, 0.0, 0.0])),
    "masked_root": (lambda x: jnp.sum(jnp.where(np.array([True, False]), jnp.sqrt(x), x)), np.array([1.0, 0.0])),
    "squared_norm": (lambda x: jnp.linalg.norm(x) ** 2, np.zeros(3)),
    "fourth_power_of_norm": (lambda x: jnp.linalg.norm(x) ** 4, np.zeros(3)),
    "pieces_of_one_function": (jax.scipy.special.spence, 0.5),
    "pieces_that_meet": (lambda x: jnp.where(x < 1, x, 2 - x) * jnp.where(x < 1, 2 - x, x), 1.0),
    "even_branches": (lambda x: jnp.where(x > 0, x**2, x**2 + 0), 0.0),
    "stopped": (lambda x: x * lax.stop_gradient(jnp.abs(x)), 0.0),
    "square": (lambda x: x**2 + x**3.0 + x**2.0, 0.0),
    "remainder_at_0": (lambda x: jnp.fmod(x, 1.5), 0.0),
    "integers": (lambda x: x * jnp.max(jnp.array([1, 1])), 1.0),
    "cond_away": (lambda x: lax.cond(x > 5, jnp.sin, jnp.cos, x), 0.0),
    "distinct_sort": (jnp.sort, np.array([3.0, 1.0, 2.0])),
    "inside_a_loop": (lambda x: lax.fori_loop(0, 2, lambda i, y: jnp.abs(y), x), 0.0),
}


@pytest.mark.parametrize("name", KINKED)
@pytest.mark.parametrize("double", [False, True], ids=["float32", "float64"])
def test_kinks_are_found_and_named(name: str, double: bool) -> None:
    function, point, primitive = KINKED[name]
    with jax.enable_x64(double):
        kinked_places = found(function, point)
    assert primitive in [kink.name for kink in kinked_places]
    assert {kink.where.file for kink in kinked_places if kink.where} <= {__file__}


@pytest.mark.parametrize("name", SMOOTH)
def test_nothing_is_said_where_the_program_is_smooth(name: str) -> None:
    function, point = SMOOTH[name]
    with jax.enable_x64():
        assert found(function, point) == []


@pytest.mark.parametrize(
    ("name", "slope"),
    [
        ("abs", 1.0),
        ("maximum", 2.5),
        ("minimum", 0.5),
        ("relu", 0.0),
        ("leaky_relu", 1.0),
        ("largest", 2.0),
        ("clip", 1.0),
        ("clamp", 0.0),
        ("top_k", 2.0),
        ("argmax", 2.0),
        ("floor", 2.0),
        ("where", 1.0),
        ("cond", 1.0),
    ],
)
def test_the_branch_that_is_said_is_the_branch_that_is_taken(name: str, slope: float) -> None:
    """The sentences say what JAX does; here is what JAX does."""
    function, point, _ = KINKED[name]
    with jax.enable_x64():
        assert np.ravel(jax.jvp(function, (jnp.asarray(point),), (jnp.ones(()),))[1])[0] == pytest.approx(slope)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda x: jnp.sum(jnp.maximum(x, 1.0)), "equal at 2 of 3 entries; JAX takes the mean of their slopes"),
        (lambda x: jnp.sum(jnp.abs(x - 1.0)), "the argument is 0 at 2 of 3 entries; JAX takes the slope 1"),
        (lambda x: jnp.max(-x), "several entries attain the maximum; JAX takes the mean"),
    ],
)
def test_entries_are_counted_and_the_branch_is_named(function: Callable[..., Any], words: str) -> None:
    (kink,) = found(function, ONES)
    assert words in str(kink)


def test_the_order_counts_at_a_real_power() -> None:
    assert found(lambda x: x**2.5, 0.0, order=2) == []
    assert [kink.name for kink in found(lambda x: x**2.5, 0.0, order=3)] == ["pow"]


def test_several_inputs_and_integers() -> None:
    assert [k.name for k in found(lambda x, y: jnp.maximum(x, y).sum(), ONES, ONES)] == ["max"]
    assert found(lambda x, y: jnp.maximum(x, y).sum(), ONES, ONES + 1) == []


def test_a_program_without_candidates_is_not_evaluated() -> None:
    ran: list[int] = []

    def function(x: Any) -> Any:
        jax.debug.callback(lambda: ran.append(1))
        return jnp.sum(jnp.tanh(x) ** 2)

    assert found(function, ONES) == []
    assert ran == []


def test_the_warning_has_four_parts() -> None:
    values = [jnp.zeros(())]
    program, _ = trace(lambda x: jnp.abs(x) * 2, *values, asked="test")
    with pytest.warns(RuntimeWarning) as caught:
        warn_of_kinks("osculate.jet", program, values)
    (warning,) = caught
    text = str(warning.message)
    assert text.startswith("osculate.jet: the function is not differentiable")
    assert "abs: the argument is 0; JAX takes the slope 1" in text
    assert f"where: {__file__}" in text
    assert "now: " in text
    assert warning.filename == __file__


def test_no_warning_when_smooth_or_traced() -> None:
    program, _ = trace(lambda x: jnp.abs(x) * 2, jnp.ones(()), asked="test")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not warn_of_kinks("osculate.jet", program, [jnp.ones(())])

        @jax.jit
        def inside(x: Any) -> Any:
            assert not warn_of_kinks("osculate.jet", program, [x])
            return x

        inside(jnp.zeros(()))
