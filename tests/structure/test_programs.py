"""Awkward programs: the structured Hessian against ``jax.hessian``, entry by entry, and the pattern against both."""

import jax
import jax.numpy as jnp
import jax.scipy.linalg as jsl
import numpy as np
import pytest
from jax import lax
from jax.flatten_util import ravel_pytree

from osculate._structure import entries, gradient_pattern, matrix_plan, read
from osculate._trace import trace

RANDOM = np.random.default_rng(0)
A = RANDOM.standard_normal((6, 6))
SPD = A @ A.T + 6 * np.eye(6)
IDX = np.array([0, 2, 2, 5, 1, 1])
V = np.linspace(0.3, 1.4, 6) * np.array([1, -1, 1, 1, -1, 1])
P = np.linspace(0.4, 1.6, 6)


@jax.custom_jvp
def straight_through(x):
    return jnp.round(x)


straight_through.defjvp(lambda primals, tangents: (jnp.round(primals[0]), tangents[0] * primals[0]))


@jax.custom_jvp
def mixing(x):
    return x**2


mixing.defjvp(lambda primals, tangents: (primals[0] ** 2, 2 * primals[0] * tangents[0] * 1.0))


@jax.custom_vjp
def backward_rule(x):
    return jnp.sin(x)


backward_rule.defvjp(lambda x: (jnp.sin(x), x), lambda x, g: (g * jnp.cos(x),))


@jax.custom_vjp
def backward_whole(x):
    return jnp.cumsum(x) ** 2


backward_whole.defvjp(
    lambda x: (jnp.cumsum(x) ** 2, x), lambda x, g: (jnp.cumsum((2 * jnp.cumsum(x) * g)[::-1])[::-1],)
)


def rnn(weights, steps):
    w, u = weights[:4].reshape(2, 2), weights[4:6]

    def step(h, x):
        h = jnp.tanh(w @ h + u * x)
        return h, h

    _, states = lax.scan(step, jnp.zeros(2), jnp.linspace(0.0, 1.0, steps))
    return jnp.sum(states**2)


def ode(x, steps, unrolled):
    def step(i, y):
        return y + 0.1 * (jnp.tanh(A @ y) + 0.01 * i * y)

    return jnp.sum(lax.fori_loop(0, steps, step, x) ** 2) if unrolled else jnp.sum(step(3, x) ** 3)


def attention(x):
    q, k, v = (x[i * 2 : i * 2 + 2] for i in range(3))
    tokens = jnp.asarray(RANDOM_TOKENS)
    query, key, value = tokens * q[0] + q[1], tokens * k[0] + k[1], tokens * v[0] + v[1]
    weights = jax.nn.softmax(query @ key.T / 3.0, axis=-1)
    return jnp.sum((weights @ value) ** 2)


RANDOM_TOKENS = RANDOM.standard_normal((4, 3))


def layer_norm(x):
    y = jnp.outer(x, jnp.arange(1.0, 5.0)) ** 2
    z = (y - y.mean(1, keepdims=True)) / jnp.sqrt(y.var(1, keepdims=True) + 1e-3)
    return jnp.sum(z**3)


def convolution(x):
    image = jnp.tanh(jnp.outer(x, x)).reshape(1, 1, 6, 6)
    kernel = x[:4].reshape(1, 1, 2, 2)
    out = lax.conv_general_dilated(image, kernel, (1, 2), "SAME")
    return jnp.sum(jnp.tanh(out) ** 2)


def grouped_convolution(x):
    image = jnp.tile(x[:3], 2).reshape(1, 2, 3)
    kernel = x[3:5].reshape(2, 1, 1)
    return jnp.sum(lax.conv_general_dilated(image, kernel, (1,), "VALID", feature_group_count=2) ** 2)


def two_leaves(x):
    flat, unravel = ravel_pytree({"a": x[:4].reshape(2, 2), "b": x[4:]})
    tree = unravel(flat * jnp.arange(1.0, 7.0))
    return jnp.sum(jnp.tanh(tree["a"] @ tree["b"]) ** 2)


def cond_inside(x):
    return lax.cond(x[0] > 0, lambda v: jnp.sum(v[1:] ** 3), lambda v: jnp.sum(v[:-1] ** 2), x)


def switch_known(x):
    return lax.switch(1, [lambda v: jnp.sum(v), lambda v: jnp.sum(v**3 * v[::-1])], x)


def dynamic_index(x):
    i = jnp.argmax(x)
    return x[i] ** 3 + lax.dynamic_slice(x, (i - 1,), (2,)).prod()


def dynamic_update(x):
    y = lax.dynamic_update_slice(x**2, x[:2] ** 3, (2,))
    return jnp.sum(y * x)


def dynamic_update_moving(x):
    i = jnp.argmax(x)
    return jnp.sum(lax.dynamic_update_slice(x**2, x[:1] ** 3, (i,)) * x)


def long_scan(x):
    def step(c, k):
        return 0.9 * c + 0.01 * jnp.sin(c) * x[:2], jnp.sum(c)

    last, sums = lax.scan(step, x[2:4], jnp.arange(400))
    return jnp.sum(last**2) + jnp.mean(sums**2)


def while_loop(x):
    def go(state):
        i, y = state
        return i + 1, y * 0.9 + 0.1 * jnp.sin(y) * jnp.sum(y)

    return jnp.sum(lax.while_loop(lambda s: s[0] < 3, go, (0, x))[1] ** 2)


PROGRAMS = {
    "cancelling": (lambda x: jnp.sum(x**2 * x[0]) - jnp.sum(x**2 * x[0]) + x[1] ** 3, V),
    "duplicate gather": (lambda x: jnp.sum(x[IDX] ** 3), V),
    "duplicate scatter add": (lambda x: jnp.sum(jnp.zeros(6).at[IDX].add(x**2) ** 2), V),
    "scatter set": (lambda x: jnp.sum(x.at[np.array([1, 3])].set(x[:2] ** 2) ** 3), V),
    "scatter rows": (lambda x: jnp.sum(jnp.zeros((3, 2)).at[np.array([2, 0, 2])].add(x.reshape(3, 2)) ** 3), V),
    "scatter columns": (lambda x: jnp.sum(jnp.ones((2, 3)).at[:, np.array([2, 0])].add(x[:4].reshape(2, 2)) ** 3), V),
    "scatter diagonal": (lambda x: jnp.sum(jnp.ones((6, 6)).at[np.arange(6), np.arange(6)].add(x) ** 3), V),
    "scatter into part": (lambda x: jnp.sum((jnp.zeros(9).at[IDX + 1].add(x) ** 2)[1:5] * x[:4]), V),
    "scatter multiply": (lambda x: jnp.sum(x.at[np.array([1, 4])].multiply(x[3], unique_indices=True)), V),
    "scatter max": (lambda x: jnp.sum(x.at[np.array([0, 4])].max(x[:2] + 1.0) ** 2), V),
    "segment sum": (lambda x: jnp.sum(jax.ops.segment_sum(x**2, IDX, 6) ** 2), V),
    "gather two axes": (lambda x: jnp.sum(jnp.outer(x, x)[IDX, IDX[::-1]] ** 2), V),
    "gather out of range": (lambda x: jnp.sum(jnp.take(x, np.array([1, 9, 2]), mode="fill", fill_value=2.0) ** 3), V),
    "triangle": (lambda x: jnp.sum(jnp.outer(x, x)[np.tril_indices(6)] ** 2), V),
    "strided slice": (lambda x: jnp.sum(x[::2] ** 2 * x[1::2]), V),
    "reverse": (lambda x: jnp.sum(x[::-1] * x**2), V),
    "roll": (lambda x: jnp.sum(jnp.roll(x, 2) ** 2 * x), V),
    "pad": (lambda x: jnp.sum(jnp.pad(x, (1, 2), constant_values=1.0) ** 3 * jnp.arange(9.0)), V),
    "interior pad": (lambda x: jnp.sum(lax.pad(x, x[0] * 2.0, [(1, -1, 1)]) ** 3), V),
    "concatenate": (lambda x: jnp.sum(jnp.concatenate([x[3:], x[:2] ** 2, x]) ** 3), V),
    "stack": (lambda x: jnp.sum(jnp.stack([x, x**2], 1) ** 2 @ jnp.array([1.0, 2.0])), V),
    "reshape that cuts": (lambda x: jnp.sum(jnp.outer(x, x).reshape(9, 4).sum(0) ** 2), V),
    "reshape flat part": (lambda x: jnp.sum((x[:6].reshape(2, 3) @ x[:3]).reshape(2) ** 3), V),
    "transpose": (lambda x: jnp.sum((x.reshape(2, 3).T @ x.reshape(2, 3)) ** 2), V),
    "broadcast": (lambda x: jnp.sum(jnp.sin(x[:, None] - x[None, :]) ** 2), V),
    "sort": (lambda x: jnp.sum(jnp.sort(x) ** 3 * jnp.arange(6.0)), V),
    "argsort": (lambda x: jnp.sum(x[jnp.argsort(x)] ** 3 * jnp.arange(6.0)), V),
    "batched sort": (lambda x: jnp.sum(jnp.sort(x.reshape(3, 2) ** 2) ** 2 * jnp.arange(6.0).reshape(3, 2)), V),
    "top k": (lambda x: jnp.sum(lax.top_k(x, 3)[0] ** 3), V),
    "median": (lambda x: jnp.median(x) ** 2 * x[0], V),
    "stop gradient": (lambda x: jnp.sum(lax.stop_gradient(x) * x**2) + x[0] * lax.stop_gradient(x[1]), V),
    "where": (lambda x: jnp.sum(jnp.where(x > 0, x**3, x * x[0])), V),
    "guarded where": (lambda x: jnp.sum(jnp.where(x > 0, jnp.sqrt(jnp.where(x > 0, x, 1.0)), 0.0)), V),
    "abs": (lambda x: jnp.sum(jnp.abs(x) ** 3) + jnp.abs(x[0]) * x[1], V),
    "max": (lambda x: jnp.max(x) ** 3 + jnp.min(x * x[0]) ** 2, V),
    "clip": (lambda x: jnp.sum(jnp.clip(x, -0.5, 1.0) ** 3), V),
    "scalar maximum": (lambda x: jnp.sum(jnp.maximum(x**2, 0.5)), V),
    "logsumexp": (lambda x: jax.nn.logsumexp(A @ x) + jax.nn.logsumexp(x.reshape(2, 3), axis=1).sum(), V),
    "softmax": (lambda x: jnp.sum(jax.nn.softmax(x.reshape(2, 3)) ** 2), V),
    "log softmax": (lambda x: -jax.nn.log_softmax(x.reshape(2, 3))[np.arange(2), [0, 2]].sum(), V),
    "relu and gelu": (lambda x: jnp.sum(jax.nn.relu(x) ** 2 + jax.nn.gelu(x) * x + jax.nn.silu(x)), V),
    "softplus": (lambda x: jnp.sum(jax.nn.softplus(A @ x) ** 2), V),
    "special": (lambda x: jnp.sum(jax.scipy.special.gammaln(x + 2.0) * jax.scipy.special.erf(x)), P),
    "norm": (lambda x: jnp.linalg.norm(x) * x[0] + jnp.linalg.norm(x.reshape(2, 3), axis=0).sum(), V),
    "product": (lambda x: jnp.prod(x) + jnp.prod(x.reshape(3, 2), axis=1).sum(), V),
    "cumsum": (lambda x: jnp.sum(jnp.cumsum(x) ** 3), V),
    "cumprod": (lambda x: jnp.sum(jnp.cumprod(x.reshape(2, 3), axis=1) ** 2), V),
    "cummax": (lambda x: jnp.sum(lax.cummax(x) ** 2 * x), V),
    "solve": (lambda x: jnp.linalg.solve(SPD + jnp.diag(x), x) @ x, V),
    "cholesky": (lambda x: jnp.sum(jnp.linalg.cholesky(SPD + jnp.diag(x**2)) ** 2 * A), V),
    "triangular solve": (lambda x: jnp.sum(jsl.solve_triangular(np.tril(SPD), x**2, lower=True) ** 2), V),
    "log determinant": (lambda x: jnp.linalg.slogdet(SPD + jnp.outer(x, x))[1], V),
    "determinant": (lambda x: jnp.linalg.det(x[:4].reshape(2, 2)) * x[5], V),
    "inverse": (lambda x: jnp.trace(jnp.linalg.inv(SPD + jnp.diag(x))), V),
    "eigenvalues": (lambda x: jnp.sum(jnp.linalg.eigvalsh(SPD + jnp.diag(x)) ** 1.5), V),
    "singular values": (lambda x: jnp.sum(jnp.linalg.svd(x.reshape(2, 3), compute_uv=False) ** 3), V),
    "exponential": (lambda x: jnp.sum(jsl.expm(x[:4].reshape(2, 2) * 0.3)), V),
    "fft": (lambda x: jnp.sum(jnp.abs(jnp.fft.fft(x)) ** 2 * jnp.arange(6.0)), V),
    "real fft": (lambda x: jnp.sum(jnp.fft.irfft(jnp.fft.rfft(x) * 2.0, 6) ** 3), V),
    "complex": (lambda x: jnp.sum(jnp.real((x + 1j * x[::-1]) ** 3)), V),
    "complex in between": (lambda x: jnp.sum(x**2) * jnp.abs(lax.complex(x[0], x[1] * x[2])) + x[3] ** 3, V),
    "straight through": (lambda x: jnp.sum(straight_through(x) ** 2), V),
    "custom jvp": (lambda x: jnp.sum(mixing(x) * x[0]), V),
    "custom vjp": (lambda x: jnp.sum(backward_rule(x) ** 2 * x[0]), V),
    "custom vjp whole": (lambda x: jnp.sum(backward_whole(x) * jnp.arange(6.0)), V),
    "checkpoint": (lambda x: jnp.sum(jax.checkpoint(lambda y: jnp.tanh(A @ y) ** 2)(x)), V),
    "jit inside": (lambda x: jnp.sum(jax.jit(lambda y: y**2 * y[0])(x)), V),
    "cond": (cond_inside, V),
    "switch of a known branch": (switch_known, V),
    "vmapped cond": (
        lambda x: jnp.sum(jax.vmap(lambda y: lax.cond(y > 0, lambda z: z**3, lambda z: z**2, y))(x)),
        V,
    ),
    "dynamic index": (dynamic_index, V),
    "dynamic update": (dynamic_update, V),
    "dynamic update that moves": (dynamic_update_moving, V),
    "scan": (lambda x: rnn(x, 5), V),
    "reversed scan": (
        lambda x: jnp.sum(lax.scan(lambda c, y: (c * y + 1.0, c**2), x[0], x, reverse=True)[1]),
        V,
    ),
    "long scan": (long_scan, V),
    "fori loop": (lambda x: ode(x, 4, True), V),
    "one step": (lambda x: ode(x, 1, False), V),
    "associative scan": (lambda x: jnp.sum(lax.associative_scan(jnp.multiply, x) ** 2), V),
    "attention": (attention, V),
    "layer norm": (layer_norm, V),
    "convolution": (convolution, V),
    "grouped convolution": (grouped_convolution, V),
    "average pool": (lambda x: jnp.sum(lax.reduce_window(x**2, 0.0, lax.add, (2,), (1,), "VALID") ** 2), V),
    "max pool": (lambda x: jnp.sum(lax.reduce_window(x**2, -jnp.inf, lax.max, (2,), (2,), "VALID") ** 2), V),
    "split": (two_leaves, V),
    "linear": (lambda x: jnp.sum(A @ x), V),
    "constant": (lambda x: jnp.asarray(3.0), V),
    "quotient": (lambda x: jnp.sum(x / (1.0 + x**2)) / x[0], V),
    "power": (lambda x: jnp.sum(x ** x[0]), P),
    "interpolation": (lambda x: jnp.sum(jnp.interp(x, jnp.arange(4.0), jnp.arange(4.0) ** 2) ** 2), P),
    "polynomial": (lambda x: jnp.polyval(x, 0.7) ** 2, V),
    "einsum of three": (lambda x: jnp.einsum("i,ij,j->", x, A, x**2), V),
    "kronecker": (lambda x: jnp.sum(jnp.kron(x[:2], x[2:4]) ** 2), V),
    "meshgrid": (lambda x: jnp.sum(jnp.prod(jnp.stack(jnp.meshgrid(x[:3], x[3:])), 0) ** 2), V),
    "difference": (lambda x: jnp.sum(jnp.diff(x, n=2) ** 4), V),
    "variance": (lambda x: jnp.var(x) * jnp.std(x), V),
}

ALWAYS = 3
"""Every third program is always tried; the others, which take a minute to compile, are marked slow."""
CASES = [
    pytest.param(name, marks=() if k % ALWAYS == 0 else pytest.mark.slow, id=name) for k, name in enumerate(PROGRAMS)
]

LOOSE = {
    # where the numbers decide which entry goes where, the pattern holds all that might be
    *("sort", "argsort", "batched sort", "top k", "median", "max", "cummax", "max pool", "scatter max"),
    *("where", "guarded where", "clip", "scalar maximum", "straight through", "cond"),
    *("dynamic index", "dynamic update that moves"),
    # values that cancel, or that another part of the program never uses
    *("cancelling", "scatter into part", "gather two axes", "dynamic update", "attention", "complex"),
    # read as dense
    *("product", "cholesky", "real fft", "long scan", "scatter multiply", "grouped convolution", "average pool"),
}
"""Programs whose pattern holds entries that are zero at the point."""


def structured(f, *primals):
    program, _ = trace(f, *primals, asked="test")
    structure = read(program)
    plan = matrix_plan(structure)
    matrix = quickly(lambda *at: plan.assembled(structure.compute(plan.arrays, program, at), primals[0].dtype))
    return structure, np.asarray(matrix(*primals)), program


def quickly(function):
    """Compiled for one use: time spent on optimisation would be lost."""
    return jax.jit(function, compiler_options={"xla_backend_optimization_level": 0})


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize("name", CASES)
def test_equals_jax(name):
    f, x = PROGRAMS[name]
    structure, matrix, _ = structured(f, x)
    expected = np.asarray(quickly(jax.hessian(f))(x))
    np.testing.assert_allclose(matrix, expected, rtol=1e-10, atol=1e-10)
    pattern = entries(structure, structure.terms)
    inside = np.zeros(expected.shape, bool)
    inside[pattern.rows, pattern.columns] = True
    there = np.abs(expected) > 1e-12
    assert inside[there].all()
    assert (pattern.count > there.sum()) == (name in LOOSE)
    by_sets = gradient_pattern(trace(jax.grad(f), x, asked="test")[0])
    inside = np.zeros(expected.shape, bool)
    inside[by_sets] = True
    assert inside[there].all()


def test_while_loop_without_a_reverse_rule():
    _, matrix, _ = structured(while_loop, V)
    np.testing.assert_allclose(matrix, jax.jacfwd(jax.jacfwd(while_loop))(V), rtol=1e-10)
