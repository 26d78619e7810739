"""Laplacians against traces of ``jax.hessian`` and closed forms."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import osculate
from osculate._errors import Unreadable, WrongInput, WrongType
from osculate._results import Estimate

RNG = np.random.default_rng(0)


def traced_hessian(f, x):
    """The trace of the Hessian of each output, over all entries of the array x."""
    second = jax.hessian(f)(x)
    return jax.tree.map(
        lambda h: jnp.trace(h.reshape(*h.shape[: h.ndim - 2 * x.ndim], x.size, x.size), axis1=-2, axis2=-1), second
    )


def network(sizes, dtype=np.float64):
    return [
        (RNG.normal(size=(a, b)).astype(dtype) / np.sqrt(a).astype(dtype), RNG.normal(size=b).astype(dtype))
        for a, b in itertools.pairwise(sizes)
    ]


def apply(parameters, x):
    for weights, bias in parameters[:-1]:
        x = jnp.tanh(x @ weights + bias)
    weights, bias = parameters[-1]
    return (x @ weights + bias)[..., 0]


def test_harmonic_functions_have_none():
    laplacian = osculate.laplacian(lambda x: np.log(x[0] ** 2 + x[1] ** 2))
    assert abs(laplacian(np.array([0.3, -0.8]))) < 1e-12
    assert abs(osculate.laplacian(lambda x: np.exp(x[0]) * np.sin(x[1]))(np.array([0.3, -0.8]))) < 1e-12


@given(n=st.integers(1, 6), scale=st.floats(0.2, 3.0))
def test_gaussian(n, scale):
    x = np.linspace(-1, 1, n) + 0.3
    square = x @ x
    expected = np.exp(-scale * square) * (4 * scale**2 * square - 2 * scale * n)
    found = osculate.laplacian(lambda x: np.exp(-scale * (x @ x)))(x)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@given(n=st.integers(1, 5), power=st.floats(-3, 5))
def test_power_of_the_norm(n, power):
    x = np.linspace(0.5, 1.5, n)
    found = osculate.laplacian(lambda x: jnp.sqrt(x @ x) ** power)(x)
    np.testing.assert_allclose(
        found, power * (power + n - 2) * np.linalg.norm(x) ** (power - 2), rtol=1e-11, atol=1e-13
    )


def test_one_variable_and_numbers():
    assert float(osculate.laplacian(lambda x: x**4)(2.0)) == 48.0
    assert float(osculate.laplacian(lambda x: x[0] ** 4)(np.array([2.0]))) == 48.0


def test_numpy_stays_double_and_jax_keeps_its_dtype():
    f = lambda x: (x**2).sum() * x[0]  # noqa: E731
    found = osculate.laplacian(f)(np.array([1.0, 2.0]))
    assert isinstance(found, np.float64)
    assert found == 2 + 6
    single = osculate.laplacian(f)(jnp.array([1.0, 2.0], jnp.float32))
    assert isinstance(single, jax.Array)
    assert single.dtype == jnp.float32


def test_any_output_and_any_argument():
    def f(x, scale):
        return {"square": scale * x["a"] ** 2, "wave": jnp.exp(1j * x["b"].sum()) * x["a"][0]}

    x = {"a": np.array([1.0, 2.0]), "b": np.array([[0.3]])}
    found = osculate.laplacian(f)(x, 3.0)
    np.testing.assert_allclose(found["square"], [6.0, 6.0], rtol=1e-14)
    np.testing.assert_allclose(found["wave"], -np.exp(0.3j), rtol=1e-12)
    both = osculate.laplacian(lambda x, y: jnp.sum(x**2) * jnp.sum(y**3), argnums=(0, 1))(np.ones(2), np.ones(3))
    np.testing.assert_allclose(both, 4 * 3 + 2 * 18)


def test_kinks_follow_the_branch():
    found = osculate.laplacian(lambda x: jnp.sum(jax.nn.relu(x) * x + jnp.abs(x)))(np.array([1.0, -2.0, 3.0]))
    assert float(found) == 4.0


def test_nan_where_f_is_nan():
    assert np.isnan(osculate.laplacian(lambda x: jnp.log(x).sum() + (x**2).sum())(np.array([-1.0, 1.0])))


def test_loops_solves_and_branches():
    def f(x):
        y = jax.lax.scan(lambda c, u: (jnp.tanh(c * u) + c, c), x.sum(), x)[0]
        solved = jnp.linalg.solve(jnp.outer(x, x) + 3 * jnp.eye(3), x)
        return jax.lax.cond(x[0] > 0, jnp.sin, jnp.cos, y) * solved.sum() + jax.nn.gelu(x).sum()

    x = np.array([0.3, 0.7, -0.2])
    with jax.enable_x64():
        np.testing.assert_allclose(osculate.laplacian(f)(x), traced_hessian(f, jnp.asarray(x)), rtol=1e-10)


# rows


@pytest.mark.parametrize("sizes", [(5, 7, 7, 1), (9, 4, 4, 1), (1, 4, 1)], ids=["wide", "narrow first layer", "n = 1"])
@pytest.mark.parametrize("chunk", ["auto", None, 1, 2, 3])
def test_rows_of_a_network(sizes, chunk):
    parameters, points = network(sizes), RNG.normal(size=(6, sizes[0]))
    with jax.enable_x64():
        expected = jax.vmap(lambda x: traced_hessian(lambda x: apply(parameters, x), x))(points)
        found = osculate.laplacian(apply, argnums=1, chunk=chunk)(parameters, points)
        np.testing.assert_allclose(found, expected, rtol=1e-11)
        one = osculate.laplacian(apply, argnums=1)(parameters, points[0])
        np.testing.assert_allclose(one, expected[0], rtol=1e-11)


def test_an_array_of_any_shape_is_one_point_where_the_result_is_scalar():
    x = RNG.normal(size=(4, 3))
    np.testing.assert_allclose(osculate.laplacian(lambda x: (x**2).sum())(x), 24.0)


def test_rows_that_are_mixed_are_one_point():
    """Δ of each output over all entries of x: the meaning does not change, only the work."""
    x = RNG.normal(size=(4, 3))
    with jax.enable_x64():
        for f in (lambda x: (x - x.mean(0)).prod(1), lambda x: jnp.sin(x).sum(1) * x[0, 0]):
            expected = jax.jit(lambda x, f=f: traced_hessian(f, x))(x)
            np.testing.assert_allclose(osculate.laplacian(f)(x), expected, atol=1e-12)


@jax.custom_jvp
def cubed(x):
    return x**3


@cubed.defjvp
def _cubed_jvp(primals, tangents):  # its rule, not its value, knows the number of rows
    return cubed(primals[0]), 3 * primals[0] ** 2 * tangents[0] * (primals[0].shape[0] / 4)


ROWWISE = {
    "has a rule that counts the rows": lambda x: cubed(x).sum(1),
    "takes determinants": jax.vmap(lambda r: jnp.linalg.slogdet(jnp.outer(r, r) + 2 * jnp.eye(3))[1]),
    "uses the number of rows": lambda x: (x**3).sum(1) / x.shape[0],
    "decides for all rows": lambda x: jnp.where(x.max() > 2.0, (x**3).sum(1), (x**2).sum(1)),
    "subtracts a stopped sum": lambda x: ((x - jax.lax.stop_gradient(x.sum(0))) ** 3).sum(1),
    "has data for each row": lambda x: (x**3 * np.arange(12.0).reshape(4, 3)).sum(1),
    "is a map": lambda x: jax.lax.map(lambda r: jnp.prod(jnp.sin(r)), x),
    "flattens": lambda x: jnp.sin(x.reshape(-1)).reshape(4, 3).sum(1),
    "returns several": lambda x: (x**3, jnp.sin(x).sum(1)),
    "sorts": lambda x: (jnp.sort(x, axis=1) ** 3 * np.arange(3.0)).sum(1),
}


@pytest.mark.filterwarnings("ignore:.*rows do not meet")
@pytest.mark.parametrize("name", ROWWISE)
def test_what_looks_like_rows_is_never_wrong(name):
    x = RNG.normal(size=(4, 3)) + 0.1
    with jax.enable_x64():
        found, expected = osculate.laplacian(ROWWISE[name])(x), traced_hessian(ROWWISE[name], jnp.asarray(x))
    for mine, true in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(mine, true, atol=1e-12)


def test_rows_are_computed_in_chunks():
    parameters = network((8, 16, 16, 1), np.float32)
    points = jnp.asarray(RNG.normal(size=(64, 8)), jnp.float32)
    text = str(jax.make_jaxpr(osculate.laplacian(apply, argnums=1, chunk=4))(parameters, points))
    assert "scan" in text
    assert "[64,8,16]" not in text.replace(" ", "")
    assert "scan" not in str(jax.make_jaxpr(osculate.laplacian(apply, argnums=1, chunk=None))(parameters, points))


# transformations


def test_gradients_in_parameters_and_point():
    parameters = network((6, 5, 5, 1))
    points = RNG.normal(size=(4, 6))

    def loss(laplacian, parameters, points):
        return (jax.vmap(laplacian, (None, 0))(parameters, points) ** 2).sum()

    def reference(parameters, x):
        return traced_hessian(lambda x: apply(parameters, x), x)

    with jax.enable_x64():
        for argnum in (0, 1):
            found = jax.jit(jax.grad(lambda p, x: (osculate.laplacian(apply, argnums=1)(p, x) ** 2).sum(), argnum))
            expected = jax.jit(jax.grad(lambda p, x: loss(reference, p, x), argnum))(parameters, points)
            for mine, true in zip(jax.tree.leaves(found(parameters, points)), jax.tree.leaves(expected), strict=True):
                np.testing.assert_allclose(mine, true, rtol=1e-9, atol=1e-12)


def test_a_narrow_first_layer_of_dependent_rows():
    """The matrix of the affine cut has rank 1: value, gradient and second derivative in it are still right."""
    matrix = np.outer([1.0, 2.0, 0.0], RNG.normal(size=5))
    x, direction = RNG.normal(size=5), RNG.normal(size=(3, 5))

    def f(matrix, x):
        return jnp.prod(jnp.sin(matrix @ x + 0.3))

    def along(laplacian):
        return lambda t: laplacian(matrix + t * direction, x)

    with jax.enable_x64():
        mine = along(osculate.laplacian(f, argnums=1))
        true = along(lambda matrix, x: traced_hessian(lambda x: f(matrix, x), x))
        for order in range(3):
            np.testing.assert_allclose(jax.jit(mine)(0.0), jax.jit(true)(0.0), rtol=1e-6, err_msg=f"derivative {order}")
            mine, true = jax.grad(mine), jax.grad(true)


def test_vmap_and_jit():
    parameters, points = network((6, 4, 1), np.float32), jnp.asarray(RNG.normal(size=(3, 6)), jnp.float32)
    mapped = jax.jit(jax.vmap(osculate.laplacian(apply, argnums=1), (None, 0)))(parameters, points)
    np.testing.assert_allclose(mapped, osculate.laplacian(apply, argnums=1)(parameters, points), rtol=1e-5)
    many = jax.vmap(osculate.laplacian(apply, argnums=1), (0, None))(
        jax.tree.map(lambda w: jnp.stack([w, 2 * w]), parameters), points
    )
    np.testing.assert_allclose(many[0], mapped, rtol=1e-5)


# compression


def skip(first, second, x):
    return jnp.tanh(jnp.tanh(first @ x) + second @ x).prod()


def envelope(first, second, x):
    return jnp.tanh(first @ x).sum() * jnp.exp(-(x @ x)) + (second @ x).sum()


def heads(first, second, x):
    y, z = first @ x + 1, jnp.einsum("ij,j->i", second, x) / 3
    return jnp.concatenate([jnp.sin(y), z]).prod() + y.sum()


@pytest.mark.parametrize(("f", "narrow"), [(skip, True), (envelope, False), (heads, True)])
def test_the_narrow_cut_is_found_or_not_needed(f, narrow):
    first, second, x = RNG.normal(size=(2, 9)), RNG.normal(size=(2, 9)), RNG.normal(size=9)
    with jax.enable_x64():
        found = osculate.laplacian(f, argnums=2)(first, second, x)
        np.testing.assert_allclose(found, traced_hessian(lambda x: f(first, second, x), jnp.asarray(x)), rtol=1e-10)
        text = str(jax.make_jaxpr(osculate.laplacian(f, argnums=2))(first, second, x))
    assert ("cholesky" in text) == narrow


# bad input


def test_bad_input_is_named():
    with pytest.raises(WrongType, match="integer"):
        osculate.laplacian(lambda x: x)(np.array([1, 2]))
    with pytest.raises(WrongType, match="returns integers"):
        osculate.laplacian(lambda x: jnp.argmax(x))(np.ones(2))
    with pytest.raises(WrongType, match="complex"):
        osculate.laplacian(lambda x: x)(np.array([1j]))
    with pytest.raises(WrongInput, match="NaN"):
        osculate.laplacian(lambda x: x)(np.array([np.nan]))
    for chunk in (0, -1, True, 2.5, "many"):
        with pytest.raises(WrongInput, match="chunk must be"):
            osculate.laplacian(lambda x: x, chunk=chunk)


def test_an_unknown_primitive_is_named_with_its_line():
    def f(x):
        return jax.pure_callback(np.sin, x, x)

    with pytest.raises(Unreadable, match="pure_callback") as caught:
        osculate.laplacian(f)(np.ones(2))
    assert caught.value.where is not None
    assert caught.value.where.file == __file__


# estimates


def quartic(x):
    return (x**4).sum() + x[0] * x[1] ** 2 * x[2]


@pytest.mark.parametrize("probes", ["rademacher", "coordinates"])
def test_estimates_cover_the_truth(probes):
    x = RNG.normal(size=30)
    exact = float(osculate.laplacian(quartic)(x))
    misses = 0
    for key in range(20):
        estimate = osculate.laplacian(quartic, samples=12, probes=probes, key=key)(x)
        assert isinstance(estimate, Estimate)
        assert estimate.how.startswith("estimate ± standard error")
        misses += abs(float(estimate) - exact) > 2.5 * float(estimate.error)
    assert misses <= 3


def test_all_coordinates_are_exact():
    x = RNG.normal(size=7)
    estimate = osculate.laplacian(quartic, samples=100, probes="coordinates")(x)
    np.testing.assert_allclose(float(estimate), osculate.laplacian(quartic)(x), rtol=1e-12)
    assert (float(estimate.error), estimate.products) == (0.0, 7)


def test_estimates_of_rows_under_jit_with_a_traced_key():
    points = jnp.asarray(RNG.normal(size=(5, 8)), jnp.float32)
    found = jax.jit(lambda key, x: osculate.laplacian(lambda x: (x**4).sum(1), samples=3, key=key)(x))(
        jax.random.key(1), points
    )
    np.testing.assert_allclose(found.value, 12 * (points**2).sum(1), rtol=1e-5)  # a diagonal Hessian: no variance
    assert found.error.shape == (5,)


def test_bad_estimates_are_named():
    with pytest.raises(WrongInput, match="samples"):
        osculate.laplacian(quartic, samples=0)
    with pytest.raises(WrongInput, match="probes"):
        osculate.laplacian(quartic, samples=3, probes="normal")
    with pytest.raises(WrongType, match="key"):
        osculate.laplacian(quartic, samples=3, key="zero")(np.ones(3))
