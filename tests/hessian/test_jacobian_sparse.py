"""Sparse Jacobians against jax.jacobian, program by program."""

import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse
from jax import lax

from osculate._errors import WrongInput, WrongType
from osculate._hessian import jacobian

X = np.linspace(0.3, 1.7, 12) * np.where(np.arange(12) % 3, 1, -1)
A = np.random.default_rng(3).standard_normal((5, 12))
PLACES = np.array([3, 3, 0, 11, 7])


def _scan(x):
    return lax.scan(lambda c, v: (c * 0.5 + jnp.sin(v), c * v), x[0], x[1:])


def _long_scan(x):
    return lax.scan(lambda c, v: (jnp.cos(c) + x[0] * v, c**2), jnp.zeros(()), jnp.linspace(0.0, 1.0, 700))[1][-3:]


def _roots(x):
    @jax.custom_jvp
    def root(v):
        return jnp.sqrt(v)

    root.defjvp(lambda p, t: (root(*p), t[0] / (2 * root(*p))))
    return root(x**2 + 1)


def _clipped(x):
    @jax.custom_vjp
    def same(v):
        return jnp.sin(v)

    same.defvjp(lambda v: (same(v), v), lambda v, w: (jnp.clip(v, -1, 1) * w,))
    return same(x)[2:7]


PROGRAMS = {
    "difference": lambda x: x[1:] - x[:-1],
    "stencil": lambda x: x[2:] - 2 * x[1:-1] ** 3 + x[:-2] * x[1:-1],
    "grid": lambda x: jnp.pad(x.reshape(3, 4), 1)[:-2, 1:-1] * x.reshape(3, 4) + jnp.roll(x.reshape(3, 4), 1, 1),
    "gather": lambda x: jnp.sin(x[PLACES]) * x[PLACES[::-1]],
    "scatter": lambda x: jnp.zeros(6).at[jnp.array([1, 1, 4, 5, 0])].add(x[:5] ** 2),
    "overwrite": lambda x: x.at[3:5].set(x[0] * x[1:3]),
    "sort": jnp.sort,
    "argsort": lambda x: x[jnp.argsort(x)] ** 2,
    "scan": _scan,
    "long scan": _long_scan,
    "fori": lambda x: lax.fori_loop(0, 4, lambda i, v: v * jnp.roll(v, 1), x),
    "while": lambda x: lax.while_loop(lambda v: v[0] > -9, lambda v: 2 * v, x),
    "cond": lambda x: lax.cond(x[0] > 0, jnp.sin, lambda v: v[::-1] ** 2, x),
    "switch": lambda x: lax.switch(jnp.int32(x[1] * 3), [jnp.sin, jnp.cos, lambda v: v * v[0]], x),
    "where": lambda x: jnp.where(x > 0.8, x**2, jnp.roll(x, 2)),
    "matmul": lambda x: A @ jnp.tanh(x),
    "two matrices": lambda x: x.reshape(3, 4) @ x.reshape(4, 3),
    "conv": lambda x: jnp.convolve(x, jnp.array([1.0, -2.0, 3.0]), "valid"),
    "conv of itself": lambda x: jnp.convolve(x, x[:3], "same"),
    "cumsum": lambda x: jnp.cumsum(x**2),
    "cumprod": lambda x: jnp.cumprod(x),
    "fft": lambda x: jnp.abs(jnp.fft.rfft(x)) ** 2,
    "solve": lambda x: jnp.linalg.solve(jnp.eye(3) * 9 + x[:9].reshape(3, 3), x[9:]),
    "cholesky": lambda x: jnp.linalg.cholesky(4 * jnp.eye(3) + x[:9].reshape(3, 3) @ x[:9].reshape(3, 3).T),
    "softmax": lambda x: jax.nn.softmax(x.reshape(3, 4), axis=1),
    "maximum": lambda x: jnp.maximum(x[:6], x[6:]),
    "max": lambda x: jnp.max(x.reshape(3, 4), axis=0),
    "constant rows": lambda x: jnp.concatenate([jnp.ones(2), x[:2], jnp.zeros(1)]),
    "constant": lambda x: jnp.ones((2, 2)),
    "identity": lambda x: x,
    "same twice": lambda x: (x, x),
    "scalar": lambda x: jnp.sum(x**2),
    "nothing": lambda x: x[:0] ** 2,
    "stopped": lambda x: x * lax.stop_gradient(x[::-1]),
    "intermediate too": lambda x: (jnp.sin(x), jnp.sin(x)[1:] * x[0]),
    "tree": lambda x: {"b": (x[:2] ** 2, x[3]), "a": jnp.outer(x[:2], x[2:4])},
    "custom rule": _roots,
    "backward rule": _clipped,
    "vmap": lambda x: jax.vmap(lambda v: jnp.array([v[0] * v[1], v[2]]))(x.reshape(4, 3)),
    "products of pairs": lambda x: (x[:, None] * x[None, :])[np.triu_indices(12, 1)],
    "dynamic slice": lambda x: lax.dynamic_slice(x, (lax.stop_gradient(jnp.int32(x[1] * 2)),), (3,)) ** 2,
    "transposed": lambda x: x.reshape(3, 4).T[::2, 1:] ** 3,
    "numpy": lambda x: np.stack([np.sin(x[0]) * x[1], np.sum(x[2:4])]),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_agrees_with_jax(name):
    got = jacobian(PROGRAMS[name], output="sparse")(X)
    dense = jacobian(PROGRAMS[name], output="matrix")(X)
    assert isinstance(got, scipy.sparse.csr_array)
    assert got.dtype == np.float64
    assert got.has_sorted_indices
    if name != "numpy":
        along = jax.jacrev if name == "backward rule" else jax.jacfwd
        with jax.enable_x64(True):
            leaves = jax.tree.leaves(along(PROGRAMS[name])(jnp.asarray(X)))
        expected = np.concatenate([np.asarray(leaf).reshape(-1, X.size) for leaf in leaves])
        np.testing.assert_allclose(dense, expected, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(got.toarray(), dense, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(
    ("name", "count"),
    [("difference", 22), ("stencil", 30), ("gather", 9), ("identity", 12), ("constant", 0), ("matmul", 60),
     ("constant rows", 2), ("conv", 30), ("maximum", 12), ("scan", 0 + 12 + sum(range(2, 13)))],
)  # fmt: skip
def test_no_entry_too_many(name, count):
    assert jacobian(PROGRAMS[name], output="sparse")(X).nnz == count


@pytest.mark.parametrize("name", ["stencil", "gather", "sort", "scan", "tree", "softmax"])
def test_the_pattern_holds_at_every_point(name):
    random = np.random.default_rng(0)
    pattern = jacobian(PROGRAMS[name], output="sparse")(X)
    allowed = scipy.sparse.csr_array((np.ones(pattern.nnz), pattern.indices, pattern.indptr), shape=pattern.shape)
    for _ in range(3):
        dense = jacobian(PROGRAMS[name], output="matrix")(random.standard_normal(12))
        assert not (dense != 0)[allowed.toarray() == 0].any()


def test_several_arguments_and_auxiliary_output():
    def f(p, q):
        return {"m": p["a"][:, None] * q, "s": (q**2 * p["b"],)}, p["b"]

    args = {"a": np.arange(1.0, 4), "b": np.float64(2)}, np.ones(2)
    got, auxiliary = jacobian(f, (0, 1), has_aux=True, output="sparse")(*args)
    dense, _ = jacobian(f, (0, 1), has_aux=True, output="matrix")(*args)
    assert got.shape == (8, 6)
    assert auxiliary == 2
    np.testing.assert_allclose(got.toarray(), dense)
    only = jacobian(f, 1, has_aux=True, output="sparse")(*args)[0]
    np.testing.assert_allclose(only.toarray(), dense[:, 4:])


def test_float32_stays():
    got = jacobian(lambda x: x[1:] * x[:-1], output="sparse")(jnp.arange(1, 5, dtype=jnp.float32))
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got.toarray(), [[2, 1, 0, 0], [0, 3, 2, 0], [0, 0, 4, 3]])


def test_under_jit_and_vmap():
    x = jnp.linspace(1.0, 2.0, 6).reshape(2, 3)
    sparse = jacobian(lambda x: x[1:] * x[:-1], output="sparse")
    expected = jax.vmap(jax.jacobian(lambda x: x[1:] * x[:-1]))(x)
    np.testing.assert_allclose(jax.jit(sparse)(x[0]).todense(), expected[0])
    np.testing.assert_allclose(jax.vmap(lambda v: sparse(v).todense())(x), expected)
    total = jax.grad(lambda v: jnp.sum(sparse(v).data ** 2))(x[0])
    np.testing.assert_allclose(total, jax.grad(lambda v: jnp.sum((v[1:] ** 2) + v[:-1] ** 2))(x[0]), rtol=1e-6)


def test_only_the_row_of_a_nan_is_nan():
    got = jacobian(lambda x: jnp.stack([x[0] + 0 * jnp.log(x[1] - 5), x[1] ** 2]), output="sparse")(np.array([1.0, 2]))
    np.testing.assert_array_equal(got.toarray(), [[np.nan, np.nan], [0, 4]])


def test_bad_input_is_refused():
    with pytest.raises(WrongInput, match=r"output must be"):
        jacobian(lambda x: x, output="csr")
    with pytest.raises(WrongType, match=r"an output is complex"):
        jacobian(lambda x: x * 1j, output="sparse")(X)


def test_what_is_given_up_is_said_and_still_right(monkeypatch):
    monkeypatch.setattr("osculate._structure.sweep.MOST_TERMS", 1)
    with pytest.warns(RuntimeWarning, match="was given up"):
        got = jacobian(lambda x: jnp.concatenate([x[:2] * x[4:6], x[1:3] ** 2, x[3:4]]), output="sparse")(X)
    assert got.shape == (5, 12)
    np.testing.assert_allclose(got.toarray()[2:4, 1:3], np.diag(2 * X[1:3]))


def test_a_wrong_rule_is_found(monkeypatch):
    import osculate._hessian.sparse_jacobian as module
    from osculate._errors import Unreadable

    right = module.jacobian_entries

    def wrong(*arguments):
        values, rows, places = right(*arguments)
        return 1.5 * values, rows, places  # pyright: ignore[reportOperatorIssue]

    monkeypatch.setattr(module, "jacobian_entries", wrong)
    with pytest.raises(Unreadable, match="failed its check by a product"):
        jacobian(lambda x: jnp.cos(x[3:] * 1.25 + x[:-3]), output="sparse")(X)


def test_a_hundred_thousand_rows_take_seconds():
    x = np.linspace(0, 1, 100_000)
    start = time.perf_counter()
    got = jacobian(lambda x: x[2:] + jnp.sin(x[1:-1]) * x[:-2], output="sparse")(x)
    assert time.perf_counter() - start < 5
    assert got.nnz == 3 * 99_998
    np.testing.assert_allclose(got @ np.ones(x.size), 1 + np.cos(x[1:-1]) * x[:-2] + np.sin(x[1:-1]), rtol=1e-12)
