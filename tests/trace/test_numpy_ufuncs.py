"""Universal functions: each one of NumPy and scipy.special is read accurately, or refused by name."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

from osculate._errors import Unreadable
from osculate._trace.numpy_door import numpy_door
from osculate._trace.numpy_ufuncs import ufunc_reading

X = np.array([0.31, 0.83, 0.52, 1.17])


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def scipy_ufuncs():
    return [u for u in vars(scipy.special).values() if isinstance(u, np.ufunc)]


def test_every_ufunc_of_numpy_is_read():
    ufuncs = {u for u in vars(np).values() if isinstance(u, np.ufunc)}
    assert {u.__name__ for u in ufuncs if ufunc_reading(u) is None} == {"isnat"}


def test_ufuncs_of_scipy_that_are_not_read_are_refused_by_name():
    read = {u for u in scipy_ufuncs() if ufunc_reading(u)}
    assert len(read) >= 50
    for ufunc in {*scipy_ufuncs()} - read:
        with pytest.raises(Unreadable, match=rf"JAX has no {ufunc.__name__}"):
            numpy_door(lambda x, u=ufunc: u(*[x] * u.nin))(jnp.asarray(X))


SPECIAL_UFUNCS = {u.__name__: u for u in scipy_ufuncs() if ufunc_reading(u)}
SPECIAL_POINTS = np.array([0.05, 0.31, 0.52, 0.83, 0.97])


def parameters(ufunc):
    """Small and large values for what comes before the last argument."""
    if ufunc.__name__ == "expn":
        return [np.array([0, 1, 2, 3, 20])]
    return [np.array([1.7, 0.4, 9.5, 2.0, 25.0]), np.array([0.3, 3.5, 1.2, 12.0, 6.0])][: ufunc.nin - 1]


@functools.cache
def special_values(quickly):
    functions = {name: numpy_door(lambda x, u=u: u(*parameters(u), x)) for name, u in SPECIAL_UFUNCS.items()}
    return quickly(lambda x: {name: f(x) for name, f in functions.items()}, SPECIAL_POINTS)


@pytest.mark.parametrize("name", SPECIAL_UFUNCS)
def test_special_functions_are_accurate(name, quickly):
    ufunc = SPECIAL_UFUNCS[name]
    expected = np.atleast_2d(ufunc(*parameters(ufunc), SPECIAL_POINTS))
    for ours, reference in zip(jax.tree.leaves(special_values(quickly)[name]), expected, strict=True):
        np.testing.assert_allclose(ours, reference, rtol=2e-13, atol=1e-300)


def test_exponential_integrals_have_second_derivatives(quickly):
    orders, step = range(4), 1e-3
    functions = [jax.grad(jax.grad(numpy_door(lambda x, n=n: scipy.special.expn(n, x)))) for n in orders]
    ours = quickly(lambda x: [f(x) for f in functions], 0.7)
    for n, second in zip(orders, ours, strict=True):
        values = [scipy.special.expn(n, 0.7 + k * step) for k in (-2, -1, 0, 1, 2)]
        np.testing.assert_allclose(second, np.dot([-1, 16, -30, 16, -1], values) / (12 * step**2), rtol=1e-7)


@pytest.mark.parametrize("left", [np.float32, np.float64, np.int32, np.int64, bool, np.complex128])
@pytest.mark.parametrize(
    "right", [np.float32(2), 2.0, 2, np.int64(3), np.ones(2, np.float32), np.arange(1, 3), 1j, True]
)
@pytest.mark.parametrize("ufunc", [np.add, np.true_divide, np.power, np.arctan2, np.equal])
def test_dtypes_are_promoted_as_in_numpy(left, right, ufunc):
    x = np.array([1, 1], left)
    try:
        expected = ufunc(x, right)
    except TypeError:
        with pytest.raises(TypeError):
            numpy_door(lambda x: ufunc(x, right))(jnp.asarray(x))
        return
    result = jax.eval_shape(numpy_door(lambda x: ufunc(x, right)), jnp.asarray(x))
    assert (result.shape, result.dtype) == (expected.shape, expected.dtype)
