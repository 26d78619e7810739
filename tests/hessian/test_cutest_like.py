"""Objectives in the styles of the CUTEst collection, by their published formulas: values, and counts of entries."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import osculate

RANDOM = np.random.default_rng(5)
FIRST, SECOND = RANDOM.integers(0, 30, (2, 30))


def rosenbrock_in_a_loop(x):  # CHNROSNB: scalars, one by one
    return sum(16 * (x[i - 1] - x[i] ** 2) ** 2 + (x[i] - 1) ** 2 for i in range(1, 8))


def arrowhead(x):  # ARWHEAD
    return jnp.sum((x[:-1] ** 2 + x[-1] ** 2) ** 2 - 4 * x[:-1] + 3)


def broyden_banded(x):  # BRYBND: a window that is cut at both ends
    n = x.size
    residuals = [
        x[i] * (2 + 5 * x[i] ** 2) + 1 - sum(x[j] * (1 + x[j]) for j in range(max(0, i - 2), min(n, i + 2)) if j != i)
        for i in range(n)
    ]
    return jnp.sum(jnp.stack(residuals) ** 2)


def curly(x):  # CURLY: sums over a sliding window
    width = 5
    sums = jnp.convolve(x, jnp.ones(width), mode="full")[width - 1 :]
    return jnp.sum(sums * (sums * (sums**2 - 20) - 0.1))


def variable_dimension(x):  # VARDIM: all through one sum
    weighted = jnp.dot(jnp.arange(1.0, x.size + 1), x - 1)
    return jnp.sum((x - 1) ** 2) + weighted**2 + weighted**4


def power(x):  # a least-squares problem with a matrix that is never formed
    return jnp.sum(jnp.arange(1.0, x.size + 1) * x**2) ** 2


def sparse_sine(x):  # SPARSINE: gathers at given places
    return jnp.sum(jnp.sin(x) * 0.5 + jnp.sin(x[FIRST]) * jnp.sin(x[SECOND]))


def minimal_surface(x):  # FMINSRF2: a grid
    z = x.reshape(6, 6)
    a, b = z[1:, 1:] - z[:-1, :-1], z[1:, :-1] - z[:-1, 1:]
    return jnp.sum(jnp.sqrt(1 + 12.5 * (a**2 + b**2)))


def exponential_fit(x):  # EXPFIT, OSBORNEA: data and few unknowns
    t = jnp.linspace(0, 3, 40)
    return jnp.sum((x[0] + x[1] * jnp.exp(-t * x[3]) + x[2] * jnp.exp(-t * x[4]) - jnp.cos(t)) ** 2)


def woods(x):  # WOODS: blocks of four by strided slices
    a, b, c, d = x[::4], x[1::4], x[2::4], x[3::4]
    first = 100 * (b - a**2) ** 2 + (1 - a) ** 2 + 90 * (d - c**2) ** 2 + (1 - c) ** 2
    return jnp.sum(first + 10 * (b + d - 2) ** 2 + 0.1 * (b - d) ** 2)


def oscillator(x):  # a scan whose carry holds a sum
    def step(total, pair):
        return total + (pair[1] - pair[0] ** 2) ** 2 * 0.5, None

    return jax.lax.scan(step, 0.0, jnp.stack([x[:-1], x[1:]], 1))[0]


def rational_residuals(x):  # MGH09LS, KOWOSB
    u = jnp.array([4.0, 2.0, 1.0, 0.5, 0.25, 0.167])
    return jnp.sum((0.1 - x[0] * (u**2 + u * x[1]) / (u**2 + u * x[2] + x[3])) ** 2)


def trigonometric(x):  # ARGTRIGLS: residuals that each see all
    i = jnp.arange(1.0, x.size + 1)
    return jnp.sum((x.size - jnp.sum(jnp.cos(x)) + i * (1 - jnp.cos(x)) - jnp.sin(x)) ** 2)


def vmapped_terms(x):  # NCVXBQP1: indices computed in the function, modulo n
    n = x.size

    def term(i):
        return 0.5 * jnp.where(i < n // 4, i + 1.0, -(i + 1.0)) * (x[i] + x[(2 * i + 1) % n] + x[(3 * i + 2) % n]) ** 2

    return jnp.sum(jax.vmap(term)(jnp.arange(n)))


def pairs_of(sets):
    """How many entries a sum of terms has that each depend on one of these sets."""
    return len({pair for one in sets for pair in itertools.product(one, repeat=2)})


CASES = [
    (rosenbrock_in_a_loop, 8, 3 * 8 - 2),
    (arrowhead, 20, 3 * 20 - 2),
    pytest.param(
        broyden_banded, 8, pairs_of(range(max(0, i - 2), min(8, i + 2)) for i in range(8)), marks=pytest.mark.slow
    ),
    (curly, 20, pairs_of(range(i, min(20, i + 5)) for i in range(20))),
    (variable_dimension, 10, 100),
    (power, 10, 100),
    (sparse_sine, 30, pairs_of([*zip(FIRST, SECOND, strict=True), *((i,) for i in range(30))])),
    (
        minimal_surface,
        36,
        pairs_of((6 * i + j, 6 * i + j + 1, 6 * i + j + 6, 6 * i + j + 7) for i in range(5) for j in range(5)),
    ),
    (exponential_fit, 5, 25),
    (woods, 12, 3 * 10),
    (oscillator, 9, 3 * 9 - 2),
    (rational_residuals, 4, 16),
    (trigonometric, 8, 64),
    (vmapped_terms, 24, pairs_of({i, (2 * i + 1) % 24, (3 * i + 2) % 24} for i in range(24))),
]


@pytest.mark.parametrize(("f", "n", "most"), CASES, ids=lambda given: getattr(given, "__name__", ""))
def test_values_and_entries(f, n, most):
    x = np.random.default_rng(n).uniform(0.5, 1.5, n)
    with jax.enable_x64(True):
        exact = np.asarray(jax.hessian(f)(jnp.asarray(x)))
        sparse = osculate.hessian(f, output="sparse")(x)
        dense = osculate.hessian(f, output="matrix", method="structured")(x)
    scale = abs(exact).max()
    np.testing.assert_allclose(sparse.toarray(), exact, rtol=0, atol=1e-13 * scale)
    np.testing.assert_allclose(dense, exact, rtol=0, atol=1e-13 * scale)
    assert np.count_nonzero(exact) <= sparse.nnz <= most
