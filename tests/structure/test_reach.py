"""Patterns by sets of inputs, known by hand; more programs are in test_programs.py."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import osculate
from osculate._errors import Unreadable
from osculate._structure import gradient_pattern, read
from osculate._trace import trace


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def pattern(f, x):
    program, _ = trace(lambda x: jnp.ravel(jax.grad(f)(x)), x, asked="test")
    found = gradient_pattern(program)
    assert not isinstance(found, str)
    inside = np.zeros((x.size, x.size), bool)
    inside[found] = True
    return inside


BLOCKS = np.kron(np.eye(4), np.ones((3, 3))) > 0
PAIRS = np.kron(np.eye(6), np.ones((2, 2))) > 0
BAND = np.abs(np.subtract.outer(np.arange(12), np.arange(12)))
TABLE = np.random.default_rng(0).normal(size=(12, 12))

EXACT = {
    "chain": (lambda x: jnp.sum((x[1:] - x[:-1] ** 2) ** 2), BAND <= 1),
    "separable": (lambda x: jnp.sum(jnp.sin(x) * x), BAND == 0),
    "linear": (lambda x: x @ jnp.arange(12.0), BAND < 0),
    "written zeros of a product": (lambda x: jnp.sum(jnp.triu(jnp.tril(jnp.ones((12, 12)), 1)) @ x**2 * x), BAND <= 1),
    "sums of rows": (lambda x: jnp.sum(jnp.sum(x.reshape(4, 3), 1) ** 3), BLOCKS),
    "pairs added up": (lambda x: jnp.sum(jnp.zeros(6).at[jnp.arange(12) // 2].add(x) ** 4), PAIRS),
    "running sums": (lambda x: jnp.sum(jnp.cumsum(x.reshape(4, 3), 1) ** 3), BLOCKS),
    "sorted rows": (lambda x: jnp.sum(jnp.sort(x.reshape(4, 3), 1) ** 3 * jnp.arange(3)), BAND >= 0),
    "data with zeros": (lambda x: jnp.sum((np.eye(12) @ x) ** 4), BAND >= 0),
}  # fmt: skip


@pytest.mark.parametrize("name", EXACT)
def test_patterns_known_by_hand(name):
    f, expected = EXACT[name]
    np.testing.assert_array_equal(pattern(f, jnp.linspace(0.5, 1.5, 12)), expected)


def lorenz(x):
    for _ in range(8):
        x = x + 0.05 * ((jnp.roll(x, -1) - jnp.roll(x, 2)) * jnp.roll(x, 1) - x)
    return jnp.sum(x**2)


def test_where_terms_explode_the_hessian_is_coloured():
    x = np.random.default_rng(1).normal(size=200)
    plan = osculate.hessian_plan(lorenz)(x)
    assert plan.kind == "coloured"
    assert "given up" in next(way.refused for way in plan.ways if way.kind == "structured")
    expected = jax.jit(jax.hessian(lorenz))(x)
    np.testing.assert_allclose(osculate.hessian(lorenz)(x), expected, atol=1e-12)
    sparse = osculate.hessian(lorenz, output="sparse")(x)
    np.testing.assert_allclose(sparse.toarray(), expected, atol=1e-12)
    drawn = osculate.sparsity(lorenz)(x)
    assert drawn.nnz == sparse.nnz == plan.nnz
    assert drawn.nnz < 200 * 60


def test_sets_that_would_not_fit_are_refused():
    program, _ = trace(jax.grad(lorenz), jax.ShapeDtypeStruct((300_000,), jnp.float64), asked="test")
    found = gradient_pattern(program)
    assert isinstance(found, str)
    assert "bytes" in found


@pytest.mark.parametrize("method", ["structured", "coloured"])
@pytest.mark.parametrize(
    "weighted", [lambda x: jax.lax.reshape(x.reshape(3, 4), (12,), (1, 0)), lambda x: jnp.prod(x.reshape(3, 4), 0)]
)
def test_a_reshape_that_reads_the_axes_in_another_order(method, weighted):
    def f(x):
        y = weighted(x)
        return jnp.sum(y[1:] ** 2 * y[:-1])

    x = jnp.linspace(0.5, 1.5, 12)
    expected = np.asarray(jax.hessian(f)(x))
    np.testing.assert_allclose(osculate.hessian(f, method=method, output="sparse")(x).toarray(), expected, atol=1e-12)
    assert pattern(f, x)[np.abs(expected) > 1e-12].all()


def branches(first):
    """Which branch is taken is decided by an array that the function closes over."""
    flags = jnp.array([first, not first])
    return lambda x: jax.lax.cond(flags[0], lambda x: jnp.sum(x**3), lambda x: jnp.sum(x[1:] ** 2 * x[:-1]), x)


@pytest.mark.parametrize("method", ["structured", "coloured"])
def test_a_branch_that_data_decide_belongs_to_the_plan(method):
    x = jnp.linspace(0.5, 1.5, 12)
    for first in (True, False):
        got = osculate.hessian(branches(first), method=method, output="sparse")(x)
        np.testing.assert_allclose(got.toarray(), jax.hessian(branches(first))(x), atol=1e-14)
        assert got.nnz == osculate.hessian_plan(branches(first))(x).nnz == (12 if first else 33)
        form = osculate.hessian_operator(branches(first))(x).form
        np.testing.assert_allclose(form.product(np.eye(12)), got.toarray(), atol=1e-14)


def test_a_function_in_place_of_an_update_is_no_overwrite():
    def f(x):
        return jnp.sum(x.at[jnp.array([0, 2])].apply(jnp.sin) ** 2)

    structure = read(trace(f, jnp.ones(4), asked="test")[0])
    assert [fallback.primitive for fallback in structure.fallbacks] == ["scatter"]
    with pytest.raises(Unreadable, match="cannot differentiate primitive `scatter` in reverse"):
        osculate.hessian(f, method="structured")(jnp.ones(4))
