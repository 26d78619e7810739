"""Which axis carries the rows; compared with the blocks of the Jacobian."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import osculate
from osculate._arguments import point
from osculate._errors import WrongInput
from osculate._rows import Mixed, Rows, require_rows, row_axes
from osculate._trace import trace

B = 4
X = np.linspace(0.2, 1.3, 3 * B).reshape(B, 3).astype(np.float32) + np.eye(B, 3, dtype=np.float32)
W = np.linspace(-1, 1, 9).reshape(3, 3).astype(np.float32)
KERNEL = np.ones((2, 1, 2), np.float32)


def of(f, *args, axes=None):
    return row_axes(trace(f, *args, asked="test")[0], {0: 0} if axes is None else axes)


def square(x):
    return x[:, :, None] * x[:, None] + 3 * jnp.eye(3)


def attention(x):
    keys = x[:, None] * jnp.ones((2, 1))
    return jnp.einsum("bij,bjk->bik", jax.nn.softmax(keys @ keys.swapaxes(1, 2)), keys)


def scanned(x):
    return jax.lax.scan(lambda c, k: (jnp.tanh(c @ W) + k * x, c.sum(1)), x, jnp.arange(3.0))


def own_rule(mixing):
    @jax.custom_jvp
    def f(x):
        return x * 2.0

    f.defjvp(lambda p, t: (f(p[0]), 2 * (t[0] + jnp.flip(t[0], 0) if mixing else t[0])))
    return f


def backward_rule(mixing):
    @jax.custom_vjp
    def f(x):
        return x * 2.0

    f.defvjp(lambda x: (f(x), None), lambda _, y: (2 * (jnp.roll(y, 1, 0) if mixing else y),))
    return f


# name: (function, axis of the rows in the result)
INDEPENDENT = {
    "elementwise": (lambda x: jnp.sin(x) * x + 1 / (x + np.arange(3)), 0),
    "network": (lambda x: jnp.tanh(jnp.tanh(x @ W + 1) @ W)[:, 0], 0),
    "transposed": (lambda x: (x.T * 2)[::-1], 1),
    "weights first": (lambda x: W @ x.T, 1),
    "sum over variables": (lambda x: jnp.sum(x**2, axis=1, keepdims=True), 0),
    "softmax": (jax.nn.softmax, 0),
    "layer norm": (lambda x: (x - x.mean(1, keepdims=True)) / jnp.sqrt(x.var(1, keepdims=True) + 1e-3), 0),
    "columns": (lambda x: jnp.stack([x[:, 0] * x[:, 1], x[:, 2]], axis=1), 0),
    "several columns": (lambda x: x[:, jnp.array([0, 2])], 0),
    "merged and split": (lambda x: ((x[:, :, None] * jnp.ones(2)).reshape(B * 3, 2) @ W[:2]).reshape(B, 9), 0),
    "rows inside": (lambda x: jnp.moveaxis(jnp.ones((2, 1, 1)) * x, 1, 2).reshape(6, B).T, 0),
    "attention": (attention, 0),
    "scan": (lambda x: scanned(x)[0], 0),
    "scan's rows": (lambda x: scanned(x)[1], 1),
    "map": (lambda x: jax.lax.map(lambda r: jnp.prod(r) * r, x), 0),
    "vmap of a loop": (jax.vmap(lambda r: jax.lax.while_loop(lambda s: s[0] < 3, lambda s: s * 2, r)), 0),
    "fori": (lambda x: jax.lax.fori_loop(0, 3, lambda i, y: (y + x / y) / 2, jnp.ones((B, 3))), 0),
    "cond": (lambda x: jax.lax.cond(x.sum() > 0, lambda y: y @ W, jnp.sin, x), 0),
    "where": (lambda x: jnp.where(x.max() > 0, x, -x), 0),
    "sort": (lambda x: jnp.sort(x, axis=1) * jnp.arange(3), 0),
    "top_k": (lambda x: jax.lax.top_k(x, 2)[0], 0),
    "ranks of the batch": (lambda x: x * jnp.argsort(x[:, 0])[:, None], 0),
    "take along": (lambda x: jnp.take_along_axis(x, jnp.argsort(x, axis=1), axis=1), 0),
    "vmap of an index": (jax.vmap(lambda r: r[jnp.argmax(r)] * r), 0),
    "cumsum": (lambda x: jnp.cumsum(x, axis=1), 0),
    "cumprod": (lambda x: jnp.cumprod(x, axis=1), 0),
    "set": (lambda x: x.at[:, 0].set(2.0).at[:, 1].add(x[:, 2]), 0),
    "vmap of a set": (jax.vmap(lambda r: jnp.zeros(3).at[jnp.argmin(r)].set(r[0] ** 2)), 0),
    "pad": (lambda x: jnp.pad(x, ((0, 0), (1, 2))), 0),
    "roll": (lambda x: jnp.roll(x, 1, axis=1), 0),
    "tile": (lambda x: jnp.tile(x, (1, 2)), 0),
    "window": (lambda x: jax.lax.reduce_window(x, 0.0, jax.lax.add, (1, 2), (1, 1), "VALID"), 0),
    "convolution": (lambda x: jax.lax.conv_general_dilated(x[:, None], KERNEL, (1,), "VALID"), 0),
    "dynamic slice": (lambda x: jax.lax.dynamic_slice_in_dim(x, 1, 2, axis=1), 0),
    "dynamic update": (lambda x: jax.lax.dynamic_update_slice(x, x[:, :1], (0, 2)), 0),
    "fft": (lambda x: jnp.abs(jnp.fft.fft(x)) ** 2, 0),
    "solve": (lambda x: jnp.linalg.solve(square(x), x[..., None])[..., 0], 0),
    "inverse": (lambda x: jnp.linalg.inv(square(x)), 0),
    "determinant": (lambda x: jnp.linalg.slogdet(square(x))[1], 0),
    "cholesky": (lambda x: jnp.linalg.cholesky(square(x)), 0),
    "eigenvalues": (lambda x: jnp.linalg.eigvalsh(square(x)), 0),
    "solve with data": (lambda x: jnp.linalg.solve(W + 3 * np.eye(3), x.T), 1),
    "jit": (jax.jit(lambda x: jnp.exp(x) @ W), 0),
    "remat": (jax.checkpoint(lambda x: jnp.exp(x) @ W), 0),
    "gelu": (jax.nn.gelu, 0),
    "logsumexp": (lambda x: jax.scipy.special.logsumexp(x, axis=1), 0),
    "own rule": (own_rule(False), 0),
    "backward rule": (backward_rule(False), 0),
    "stopped": (lambda x: x - jax.lax.stop_gradient(x.mean(0)), 0),
    "per point": (jax.vmap(lambda r: jnp.linalg.norm(r) * jnp.sin(r @ W @ r)), 0),
}

MIXING = {
    "mean": (lambda x: x - x.mean(0), "sums over the rows"),
    "max": (lambda x: x / x.max(0), "reduces over the rows"),
    "total": (lambda x: jnp.sum(x), "sums over the rows"),
    "Gram": (lambda x: x @ x.T, "pairs every row"),
    "contraction": (lambda x: x.T @ x, "sums over the rows"),
    "cumsum": (lambda x: jnp.cumsum(x, axis=0), "accumulates over the rows"),
    "sort": (lambda x: jnp.sort(x, axis=0) * x, "sorts the rows"),
    "reverse": (lambda x: x + x[::-1], "reverses the rows"),
    "roll": (lambda x: x * jnp.roll(x, 1, axis=0), "takes some rows out"),
    "first": (lambda x: x * x[:1], "takes some rows out"),
    "one": (lambda x: x * x[0], "takes some rows out"),
    "gather": (lambda x: x[jnp.array([1, 0, 3, 2])] * x, "takes some rows out"),
    "scan": (lambda x: jax.lax.scan(lambda c, r: (c + r, c * r), jnp.zeros(3), x)[1], "from one to the next"),
    "write": (lambda x: x.at[0].multiply(2.0) @ jnp.ones((3, 3)) + x.sum(0), "writes into some rows"),
    "pad": (lambda x: jnp.pad(x, ((1, 0), (0, 0)))[:B] * x, "pads the rows"),
    "matrix": (lambda x: jnp.linalg.inv(x[:3] + 3 * jnp.eye(3)), "takes some rows out"),
    "qr": (lambda x: jnp.linalg.qr(x)[0], "couples the rows"),
    "fft": (lambda x: jnp.fft.fft(x, axis=0).real * x, "transforms along the rows"),
    "two axes": (lambda x: x.sum(1) * x.sum(1)[:, None], "different axes (0 and 1)"),
    "own rule": (lambda x: own_rule(True)(x), "reverses the rows"),
    "backward rule": (lambda x: backward_rule(True)(x), "rows"),
    "convolution": (lambda x: jax.lax.conv_general_dilated(x.T[:, None], KERNEL, (1,), "SAME"), "convolves over"),
    "window": (lambda x: jax.lax.reduce_window(x, 0.0, jax.lax.add, (2, 1), (1, 1), "SAME"), "windows reach over"),
    "loop": (lambda x: jax.lax.fori_loop(0, 2, lambda i, y: y + jnp.roll(y, 1, 0), x), "takes some rows out"),
}


def blocks(f, x):
    """Derivative of entry k of the result by each row of x."""
    return np.abs(jax.jacfwd(f)(x)).sum(-1)


@pytest.mark.parametrize(("f", "axis"), INDEPENDENT.values(), ids=INDEPENDENT)
def test_independent_rows_are_seen(f, axis):
    (rows,) = of(f, X)
    assert rows == Rows(axis, B)
    if isinstance(f, jax.custom_vjp):
        return
    sizes = np.moveaxis(blocks(f, X), axis, 0)
    for i in range(B):
        assert not sizes[i][..., np.arange(B) != i].any()


@pytest.mark.parametrize(("f", "reason"), MIXING.values(), ids=MIXING)
def test_mixed_rows_are_named(f, reason):
    (mixed,) = of(f, X)
    assert isinstance(mixed, Mixed)
    assert reason in mixed.reason
    assert mixed.where.file == __file__


@pytest.mark.parametrize("f", [f for name, (f, _) in MIXING.items() if name != "backward rule"])
def test_the_programs_that_mix_do_mix(f):
    assert (blocks(f, X) > 0).sum(-1).max() > 1


def test_what_does_not_depend_on_the_rows_carries_none():
    assert of(lambda x: (jnp.ones(3), jnp.argmax(x), jax.lax.stop_gradient(x)), X) == [None, None, None]
    assert of(lambda p, x: (p.sum(), x * p), X[0], X, axes={1: 0}) == [None, Rows(0, B)]


def test_another_axis_and_several_inputs():
    assert of(lambda x, y: x.T + y, X.T, X, axes={0: 1, 1: 0}) == [Rows(0, B)]
    (mixed,) = of(lambda x, y: x[:3] + y[:3, :3], np.ones((3, 3)), np.ones((3, 3)), axes={0: 1, 1: 0})
    assert "different axes (0 and 1)" in mixed.reason


def test_a_single_row_keeps_its_axis():
    x = np.ones((1, 3), np.float32)
    assert of(lambda x: jnp.sin(x[:, None, :].reshape(1, 1, 3))[:, 0] @ W, x) == [Rows(0, 1)]
    assert isinstance(of(lambda x: x * jnp.ones((2, 1)), x)[0], Mixed)


def test_rows_that_end_inside_an_axis_have_no_result():
    here = point("osculate.partial", lambda x: x.reshape(-1), (X,))
    with pytest.raises(WrongInput, match="no axis for the rows"):
        require_rows(here, {0: 0})
    assert require_rows(point("osculate.partial", lambda x: (x, x.sum(1), 2.0), (X,)), {0: 0}) == [0, 0, None]


def test_the_error_has_four_parts():
    with pytest.raises(WrongInput, match="`reduce_sum` mixes them: it sums over the rows") as caught:
        require_rows(point("osculate.partial", lambda x: x - x.mean(0), (X,)), {0: 0})
    assert caught.value.where.file == __file__
    assert "jax.vmap(osculate.partial(f, …))(X)" in caught.value.remedy


def test_an_unknown_primitive_is_mixed():
    f = lambda x: jax.pure_callback(np.sin, x, x)  # noqa: E731
    assert "no rule" in of(f, X)[0].reason


def test_a_rule_of_ones_own():
    from osculate._interpret import table

    @osculate.register("rows", "pure_callback")
    def unchanged(node, inputs):
        return inputs[0]

    try:
        assert of(lambda x: jax.pure_callback(np.sin, x, x), X) == [Rows(0, B)]
    finally:
        del table("rows")["pure_callback"]


STEPS = {
    "sin": jnp.sin,
    "matrix": lambda x: x @ W,
    "variables": lambda x: x - x.mean(1, keepdims=True),
    "merge": lambda x: jnp.tanh(x.reshape(B * 3)).reshape(B, 3),
    "scan": lambda x: scanned(x)[0],
    "roll": lambda x: x + jnp.roll(x, 1, axis=0),
    "mean": lambda x: x + x.mean(0),
}


@given(st.lists(st.sampled_from(list(STEPS)), min_size=1, max_size=5))
def test_random_programs(steps):
    def f(x):
        for step in steps:
            x = STEPS[step](x)
        return x

    assert isinstance(of(f, X)[0], Mixed) == bool({"roll", "mean"} & set(steps))
