"""The public boundary: each wrong call has its message in four parts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import osculate
from osculate._arguments import point, refuse_tracers, transform
from osculate._errors import WrongInput, WrongType


def f(x):
    return jnp.sum(x**2)


def check(caught, *words):
    """The four parts are there, and the place is this file."""
    error = caught.value
    text = str(error)
    assert error.asked.startswith("osculate.")
    assert error.where is not None
    assert error.where.file == __file__
    assert "\n  where: " in text
    assert "\n  now: " in text
    for word in words:
        assert word in text


def call(function=f, *args, **options):
    return transform("osculate.test", function, lambda here: here.primals, **options)(*args)


def test_integers():
    with pytest.raises(WrongType) as caught:
        call(f, 3)
    check(caught, "the point is an integer", "1.0 instead of 1")
    with pytest.raises(WrongType) as caught:
        call(f, {"w": np.ones(2), "n": np.arange(3)})
    check(caught, "the point['n'] is an integer (int64[3])")


def test_complex():
    with pytest.raises(WrongType) as caught:
        call(f, 1j)
    check(caught, "complex")
    assert call(f, 1j, complex_ok=True) == (1j,)


def test_nan():
    with pytest.raises(WrongInput) as caught:
        call(f, np.array([1.0, np.nan]))
    check(caught, "contains NaN", "np.isnan")
    assert np.isinf(call(f, np.inf)[0])
    jax.jit(lambda x: osculate.derivative(jnp.sin)(x))(jnp.nan)  # under jit there is no value to look at


def test_empty():
    with pytest.raises(WrongInput) as caught:
        call(f, np.zeros((0, 3)))
    check(caught, "the point is empty")
    with pytest.raises(WrongInput):
        call(lambda x: 1.0, {})
    assert call(lambda x: x["a"] * 2, {"a": 1.0, "b": np.zeros(0)})[0]["a"] == 1.0


def test_not_numeric():
    with pytest.raises(WrongType) as caught:
        call(f, "x")
    check(caught, "not numeric")
    with pytest.raises(WrongType, match="must be a function"):
        call(3.0, 1.0)


@pytest.mark.parametrize("argnums", [2, -3, (0, 5)])
def test_argnums_out_of_range(argnums):
    with pytest.raises(WrongInput, match="called with 2 positional arguments") as caught:
        call(lambda x, y: x, 1.0, 2.0, argnums=argnums)
    check(caught, "argnums")


@pytest.mark.parametrize("argnums", [(), (0, 0), (0, -2), 0.5, "x", None, True])
def test_argnums_of_another_kind(argnums):
    with pytest.raises(WrongInput, match="one or several different integers"):
        call(lambda x, y: x, 1.0, 2.0, argnums=argnums)


def test_argnums_select():
    assert call(lambda x, y: x, 1.0, 2.0, argnums=-1) == (2.0,)
    assert call(lambda x, y: x, 1.0, 2.0, argnums=(1, 0)) == (2.0, 1.0)


def test_auxiliary_output():
    with pytest.raises(WrongInput) as caught:
        call(f, 1.0, has_aux=True)
    check(caught, "pair (value, auxiliary)")
    with pytest.raises(WrongInput, match="a tuple of 3"):
        call(lambda x: (x, x, x), 1.0, has_aux=True)
    here = point("osculate.test", lambda x: (x**2, {"a": x}), (np.float32(3.0),), has_aux=True)
    output, auxiliary = here.with_aux(jnp.float32(3.0))
    assert (output, auxiliary["a"]) == (9.0, 3.0)
    assert len(here.outputs) == 1


def test_scalar_output():
    for wrong, words in [
        (lambda x: x * np.ones(3), "float64[3]"),
        (lambda x: (x, x), "float64[], float64[]"),
        (lambda x: None, "nothing"),
        (lambda x: jnp.array([jnp.sum(x)]), "float64[1]"),
        (lambda x: {"a": x}, "float64[]"),
    ]:
        with pytest.raises(WrongInput) as caught:
            transform("osculate.test", wrong, lambda here: here.require_scalar())(1.0)
        check(caught, words, "must return one real number", "osculate.jacobian")
    with pytest.raises(WrongType) as caught:
        transform("osculate.test", lambda x: x + 1j, lambda here: here.require_scalar())(1.0)
    check(caught, "complex128")


def test_verdicts_refuse_tracers():
    with pytest.raises(WrongType, match="traced"):
        jax.jit(lambda x: refuse_tracers("osculate.classify", x))(1.0)
    refuse_tracers("osculate.classify", 1.0, {"a": np.ones(2)})


def test_keywords_reach_the_function():
    assert osculate.derivative(lambda x, scale: scale * x**2)(3.0, scale=2.0) == 12.0


def test_the_users_arrays_are_left_alone():
    x = np.array([1.0, 2.0])
    before = x.copy()
    result = osculate.derivative(jnp.sin, 3)(x)
    result[:] = 0
    np.testing.assert_array_equal(x, before)


def test_methods_and_callable_objects():
    class Model:
        def __call__(self, x):
            return x**3

        def loss(self, x):
            return x**2

    assert osculate.derivative(Model())(2.0) == 12.0
    assert osculate.derivative(Model().loss)(2.0) == 4.0
