"""What has no rule is refused by name, with the user's line and the call that adds one."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.extend.core
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.experimental import io_callback
from jax.interpreters import mlir

import osculate
from osculate._errors import Unreadable

unknown = jax.extend.core.Primitive("osculate_unknown")
unknown.def_impl(lambda x: jnp.sin(x))
unknown.def_abstract_eval(lambda x: x)
mlir.register_lowering(unknown, mlir.lower_fun(jnp.sin, multiple_results=False))


def pure(x: Any) -> Any:
    return jax.pure_callback(np.sin, jax.ShapeDtypeStruct(x.shape, x.dtype), x) * x


def ordered(x: Any) -> Any:
    return io_callback(np.sin, jax.ShapeDtypeStruct(x.shape, x.dtype), x) * x


def of_unknown(x: Any) -> Any:
    return unknown.bind(x) * x


def inside_a_loop(x: Any) -> Any:
    return lax.fori_loop(0, 2, lambda _, y: unknown.bind(y), x)


def inside_a_branch(x: Any) -> Any:
    return lax.cond(x > 0, lambda y: pure(y), lambda y: y, x)


def full_vectors(x: Any) -> Any:
    return jnp.linalg.svd(x * jnp.ones((3, 2)), full_matrices=True)[0]


REFUSED = {
    "pure_callback": pure,
    "io_callback": ordered,
    "osculate_unknown": of_unknown,
    "svd": full_vectors,
    "schur": lambda x: jax.scipy.linalg.sqrtm(x * jnp.eye(2)).real,
}


def assert_named(error: Unreadable, primitive: str, source: Callable[..., Any]) -> None:
    text = str(error)
    assert f"`{primitive}`" in text
    assert f'@osculate.register("jets", "{primitive}")' in text
    assert error.where is not None
    assert error.where.file == __file__
    lines, start = inspect.getsourcelines(source)
    assert start <= error.where.line < start + len(lines)


@pytest.mark.parametrize("primitive", REFUSED)
def test_what_has_no_rule_is_named_with_its_line(primitive: str) -> None:
    function = REFUSED[primitive]
    with pytest.raises(Unreadable) as caught:
        osculate.derivative(lambda x: jnp.sum(function(x)), 2)(0.5)
    assert_named(caught.value, primitive, function)  # inside a function of JAX's: the line that calls it


@pytest.mark.parametrize(("primitive", "function"), [("osculate_unknown", inside_a_loop), ("pure_callback", pure)])
def test_bodies_are_looked_into(primitive: str, function: Callable[..., Any]) -> None:
    whole = inside_a_branch if primitive == "pure_callback" else function
    with pytest.raises(Unreadable) as caught:
        osculate.taylor(whole, 2)(0.5)
    assert f"`{primitive}`" in str(caught.value)
    assert caught.value.where is not None
    assert caught.value.where.file == __file__


def test_a_callback_of_what_stands_still_is_no_trouble() -> None:
    with jax.enable_x64():
        found = osculate.derivative(lambda x: x**2 * pure(jnp.asarray(0.5)), 2)(3.0)
    assert found == pytest.approx(np.sin(0.5))


def test_coverage_names_the_same() -> None:
    report = osculate.coverage(of_unknown)(0.5)
    assert not report["jets"]
    assert "osculate_unknown" in str(report)
