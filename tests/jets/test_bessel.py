"""Jets of the modified Bessel functions, at 0 above all, against mpmath."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from jax.scipy import special

import osculate

ORDER = 8
# At 0 the warning speaks of |x| in the definition of i0 and i1; their derivatives there are right all the same.
pytestmark = pytest.mark.filterwarnings("ignore:osculate.*not differentiable:RuntimeWarning")


@pytest.fixture(autouse=True)
def _float64() -> Iterator[None]:
    with jax.enable_x64():
        yield


def exact(name: str, x: float) -> np.ndarray:
    """Taylor coefficients; of the scaled functions on the side of x, at 0 that of x > 0."""
    sign = -1 if x < 0 else 1
    with mpmath.workdps(60):
        bessel = lambda t: mpmath.besseli(int(name[1]), t)  # noqa: E731
        scaled = lambda t: mpmath.exp(-sign * t) * bessel(t)  # noqa: E731
        return np.array(
            [float(c) for c in mpmath.taylor(scaled if name.endswith("e") else bessel, mpmath.mpf(x), ORDER)]
        )


@pytest.mark.parametrize("name", ["i0", "i1", "i0e", "i1e"])
@pytest.mark.parametrize("x", [0.0, -0.0, 1e-9, 0.3, -2.5, 4.0, 4.5, 9.0, -20.0])
def test_coefficients_against_mpmath(name: str, x: float) -> None:
    found = np.asarray(osculate.taylor(getattr(special, name), ORDER)(x).coefficients)
    expected = exact(name, x)
    size = [np.abs(expected[max(0, k - 2) : k + 3]).max() for k in range(ORDER + 1)]
    # The scaled functions vary slowly far out, and their recurrence loses what e^(−|x|) I takes away.
    assert np.max(np.abs(found - expected) / size) < (1e-9 if name.endswith("e") and abs(x) > 4 else 1e-12)


def test_the_slope_of_i0_at_0_is_0_and_i1_is_its_derivative() -> None:
    x = jnp.array([0.0, 0.5, 6.0])
    np.testing.assert_allclose(jax.vmap(osculate.derivative(special.i0))(x), special.i1(x), rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(osculate.laplacian(lambda v: jnp.sum(special.i0(v)))(jnp.zeros(3)), 1.5, rtol=1e-13)


def test_gradients_pass_through() -> None:
    def third(x: Any) -> Any:
        return osculate.derivative(special.i1e, 3)(x)

    for x in (0.0, 0.7, 5.0):
        fourth = exact("i1e", x)[4] * 24
        assert float(jax.grad(third)(x)) == pytest.approx(fourth, rel=1e-9)
        assert float(jax.grad(osculate.derivative(special.i0))(x)) == pytest.approx(exact("i0", x)[2] * 2, rel=1e-12)


def test_single_precision() -> None:
    found = osculate.derivative(special.i0, 2)(jnp.zeros(3, jnp.float32))
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, 0.5, rtol=1e-6)
