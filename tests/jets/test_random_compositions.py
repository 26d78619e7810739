"""Random compositions of small programs, up to order 8, against Cauchy's integral formula at 60 digits.

The reference never sees a series: it evaluates the same composition at complex points on a small circle around the
point, with mpmath, and reads the coefficients off by a discrete Fourier transform.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from jax import lax

import osculate
from osculate._jets.coefficients import coefficients
from osculate._jets.loop import Loop
from osculate._jets.network import Unrolled
from osculate._trace import trace

SIZE = 3
HIGHEST = 8
COUNT = 240
BATCH = 12
POINTS = 32
RADIUS = mpmath.mpf(1) / 32
DIGITS = 60
LOWERINGS = {"unrolled": Unrolled}
MATRIX = np.array([[0.4, -0.3, 0.2], [0.1, 0.5, -0.4], [-0.2, 0.3, 0.6]])

Vector = list[Any]


@dataclass(frozen=True)
class Piece:
    """A small program of one or two vectors: for JAX, and for lists of mpmath's numbers."""

    program: Callable[..., Any]
    truth: Callable[..., Vector]
    arguments: int = 1


@jax.custom_jvp
def _own(x):
    return jnp.sin(x) * x


_own.defjvps(lambda v, out, x: (jnp.cos(x) * x + jnp.sin(x)) * v)


def each(function: Callable[[Any], Any]) -> Callable[[Vector], Vector]:
    return lambda x: [function(entry) for entry in x]


def pairs(function: Callable[[Any, Any], Any]) -> Callable[[Vector, Vector], Vector]:
    return lambda x, y: [function(a, b) for a, b in zip(x, y, strict=True)]


def _softmax(x: Vector) -> Vector:
    weights = [mpmath.exp(entry) for entry in x]
    return [w / mpmath.fsum(weights) for w in weights]


def _matrix(x: Vector) -> Vector:
    return [mpmath.fsum(mpmath.mpf(float(w)) * e for w, e in zip(row, x, strict=True)) for row in MATRIX]


def _solve(x: Vector) -> Vector:
    """(2 I + diag(x) / 4 + 1 1ᵀ / 8) y = x."""
    system = mpmath.matrix(SIZE, SIZE)
    for i in range(SIZE):
        for j in range(SIZE):
            system[i, j] = mpmath.mpf(1) / 8 + (2 + x[i] / 4 if i == j else 0)
    return list(mpmath.inverse(system) * mpmath.matrix(x))


def _recurrence(x: Vector) -> Vector:
    carry, outputs = mpmath.mpf(0.5), []
    for entry in x:
        carry = mpmath.sin(carry + entry)
        outputs.append(carry * entry)
    return outputs


def _scanned(x: Any) -> Any:
    def step(carry: Any, entry: Any) -> tuple[Any, Any]:
        carry = jnp.sin(carry + entry)
        return carry, carry * entry

    return lax.scan(step, 0.5 * jnp.ones(()), x)[1]


def _twice(x: Vector) -> Vector:
    return [mpmath.cos(mpmath.cos(e) * e) * e for e in x]


def _looped(x: Any) -> Any:
    return lax.fori_loop(0, 2, lambda _, y: jnp.cos(y) * x, x)


def _twice_looped(x: Vector) -> Vector:
    y = list(x)
    for _ in range(2):
        y = [mpmath.cos(b) * a for a, b in zip(x, y, strict=True)]
    return y


def _determinant(x: Any) -> Any:
    return (
        jnp.linalg.det(jnp.eye(4) * 2 + jnp.outer(jnp.append(x, 1.0), jnp.append(x[::-1], 0.5))) / 16 * jnp.ones(SIZE)
    )


def _determinant_truth(x: Vector) -> Vector:
    """det(2 I + u vᵀ) = 16 (1 + vᵀu / 2)."""
    inner = mpmath.fsum(a * b for a, b in zip(x, x[::-1], strict=True)) + mpmath.mpf(0.5)
    return [1 + inner / 2] * SIZE


PIECES = [
    Piece(jnp.sin, each(mpmath.sin)),
    Piece(jnp.cos, each(mpmath.cos)),
    Piece(jnp.tanh, each(mpmath.tanh)),
    Piece(lambda x: jnp.exp(-(x**2)), each(lambda x: mpmath.exp(-(x**2)))),
    Piece(lambda x: jnp.exp(x / 4), each(lambda x: mpmath.exp(x / 4))),
    Piece(lambda x: jnp.log(3 + jnp.sin(x)), each(lambda x: mpmath.log(3 + mpmath.sin(x)))),
    Piece(lambda x: jnp.sqrt(2 + x**2), each(lambda x: mpmath.sqrt(2 + x**2))),
    Piece(lambda x: (1.5 + jnp.sin(x) / 2) ** 0.7, each(lambda x: (1.5 + mpmath.sin(x) / 2) ** mpmath.mpf(0.7))),
    Piece(lambda x: x**3 / 4, each(lambda x: x**3 / 4)),
    Piece(lambda x: x**2.0, each(lambda x: x**2)),
    Piece(lambda x: jnp.arctan(x / 2), each(lambda x: mpmath.atan(x / 2))),
    Piece(lambda x: jnp.arcsinh(x / 2), each(lambda x: mpmath.asinh(x / 2))),
    Piece(jax.nn.sigmoid, each(lambda x: 1 / (1 + mpmath.exp(-x)))),
    Piece(jax.nn.softplus, each(lambda x: mpmath.log1p(mpmath.exp(x)))),
    Piece(jax.nn.silu, each(lambda x: x / (1 + mpmath.exp(-x)))),
    Piece(jax.scipy.special.erf, each(mpmath.erf)),
    Piece(lambda x: jnp.sinh(x / 3), each(lambda x: mpmath.sinh(x / 3))),
    Piece(lambda x: jax.scipy.special.gammaln(3 + jnp.sin(x)), each(lambda x: mpmath.loggamma(3 + mpmath.sin(x)))),
    Piece(lambda x: jnp.cbrt(2 + jnp.cos(x)), each(lambda x: mpmath.cbrt(2 + mpmath.cos(x)))),
    Piece(lambda x: jnp.real(jnp.exp(0.5j * x) * (1 + 0j)), each(lambda x: mpmath.cos(x / 2))),
    Piece(_own, each(lambda x: mpmath.sin(x) * x)),
    Piece(jax.jit(lambda x: jnp.sin(x) * x), each(lambda x: mpmath.sin(x) * x)),
    Piece(jax.checkpoint(lambda x: jnp.cos(jnp.cos(x) * x) * x), _twice),
    Piece(lambda x: jnp.asarray(MATRIX) @ x, _matrix),
    Piece(jax.nn.softmax, _softmax),
    Piece(
        lambda x: x / jnp.sqrt(1 + jnp.sum(x**2)),
        lambda x: [e / mpmath.sqrt(1 + mpmath.fsum(f**2 for f in x)) for e in x],
    ),
    Piece(lambda x: jnp.cumsum(x) / 2, lambda x: [mpmath.fsum(x[: i + 1]) / 2 for i in range(SIZE)]),
    Piece(lambda x: x[::-1] * jnp.roll(x, 1), lambda x: [a * b for a, b in zip(x[::-1], x[-1:] + x[:-1], strict=True)]),
    Piece(lambda x: jnp.prod(x + 1) / 3 * x, lambda x: [e * mpmath.fprod(f + 1 for f in x) / 3 for e in x]),
    Piece(lambda x: x.at[0].add(x[2] * x[1]), lambda x: [x[0] + x[2] * x[1], x[1], x[2]]),
    Piece(lambda x: jnp.linalg.solve(2 * jnp.eye(SIZE) + jnp.diag(x) / 4 + 1 / 8, x), _solve),
    Piece(_determinant, _determinant_truth),
    Piece(_scanned, _recurrence),
    Piece(_looped, _twice_looped),
    Piece(lambda x: jax.vmap(jax.grad(lambda y: jnp.sin(y) * y))(x), each(lambda x: mpmath.sin(x) + x * mpmath.cos(x))),
    Piece(jnp.add, pairs(lambda a, b: a + b), 2),
    Piece(jnp.subtract, pairs(lambda a, b: a - b), 2),
    Piece(jnp.multiply, pairs(lambda a, b: a * b), 2),
    Piece(jnp.multiply, pairs(lambda a, b: a * b), 2),
    Piece(lambda a, b: a / (2 + jnp.cos(b)), pairs(lambda a, b: a / (2 + mpmath.cos(b))), 2),
    Piece(lambda a, b: (2 + jnp.sin(a)) ** (b / 3), pairs(lambda a, b: (2 + mpmath.sin(a)) ** (b / 3)), 2),
    Piece(lambda a, b: jnp.logaddexp(a, b), pairs(lambda a, b: mpmath.log(mpmath.exp(a) + mpmath.exp(b))), 2),
    Piece(lambda a, b: jnp.where(jnp.arange(SIZE) == 1, a, b), lambda a, b: [b[0], a[1], b[2]], 2),
]


@dataclass(frozen=True)
class Composition:
    """A directed graph of pieces: each step takes the results of earlier ones, the input among them."""

    steps: list[tuple[Piece, tuple[int, ...]]]

    def program(self, x: Any) -> Any:
        values = [x]
        for piece, places in self.steps:
            values.append(piece.program(*(values[i] for i in places)))
        return values[-1] + values[len(values) // 2]

    def truth(self, x: Vector) -> Vector:
        values = [x]
        for piece, places in self.steps:
            values.append(piece.truth(*(values[i] for i in places)))
        return [a + b for a, b in zip(values[-1], values[len(values) // 2], strict=True)]


def composition(rng: np.random.Generator) -> Composition:
    """Four to seven pieces; each step takes the last result, and sometimes an earlier one beside it."""
    steps: list[tuple[Piece, tuple[int, ...]]] = []
    for i in range(int(rng.integers(4, 8))):
        piece = PIECES[int(rng.integers(len(PIECES)))]
        places = [i, *(int(p) for p in rng.integers(0, i + 1, piece.arguments - 1))]
        steps.append((piece, tuple(int(p) for p in rng.permutation(places))))
    return Composition(steps)


def reference(function: Callable[[Vector], Vector], series: Sequence[np.ndarray], order: int) -> np.ndarray:
    """Coefficients 0 … order along a curve, by Cauchy's formula."""
    with mpmath.workdps(DIGITS):
        circle = [RADIUS * mpmath.expjpi(mpmath.mpf(2 * i) / POINTS) for i in range(POINTS)]
        values: list[Vector] = []
        for t in circle:
            x = [mpmath.polyval([mpmath.mpf(float(c[i])) for c in series[::-1]], t) for i in range(SIZE)]
            values.append(function(x))
        return np.array(
            [
                [
                    float(mpmath.re(mpmath.fsum(v[i] / t**k for v, t in zip(values, circle, strict=True)) / POINTS))
                    for i in range(SIZE)
                ]
                for k in range(order + 1)
            ]
        )


def case(seed: int) -> tuple[Composition, list[np.ndarray], int]:
    rng = np.random.default_rng([20261125, seed])
    order = int(rng.integers(2, HIGHEST + 1))
    return composition(rng), [rng.uniform(-0.9, 0.9, SIZE) for _ in range(order + 1)], order


@pytest.fixture(autouse=True)
def _float64() -> Iterator[None]:
    with jax.enable_x64():
        yield


def check(seed: int, lowering: Any) -> None:
    built, series, order = case(seed)
    program, _ = trace(built.program, jnp.asarray(series[0]), asked="test")
    rows = [[jnp.asarray(c) for c in series]]
    found = np.stack(coefficients("test", program, rows, order, lowering=lowering)[0])
    expected = reference(built.truth, series, order)
    scale = np.maximum.accumulate(np.maximum(1.0, np.abs(expected).max(axis=1)))
    error = np.abs(found - expected).max(axis=1) / scale
    assert np.all(error <= 1e-11), f"seed {seed}: {error}"


def marked(batch: int) -> Any:
    return pytest.param(batch, marks=[] if batch < 2 else [pytest.mark.slow])


@pytest.mark.parametrize("lowering", LOWERINGS)
@pytest.mark.parametrize("batch", [marked(b) for b in range(COUNT // BATCH)])
def test_random_compositions(batch: int, lowering: str) -> None:
    for seed in range(batch * BATCH, (batch + 1) * BATCH):
        check(seed, LOWERINGS[lowering])


@pytest.mark.slow
def test_random_compositions_by_the_loop_lowering() -> None:
    for seed in range(0, COUNT, 8):
        check(seed, Loop)


def test_there_are_enough_and_all_pieces_are_used() -> None:
    used = {id(piece) for seed in range(COUNT) for piece, _ in case(seed)[0].steps}
    assert COUNT >= 200
    assert used == {id(piece) for piece in PIECES}
    assert {case(seed)[2] for seed in range(COUNT)} == set(range(2, HIGHEST + 1))


@pytest.mark.parametrize("seed", [0, 5, 11])
def test_a_jet_of_a_jet(seed: int) -> None:
    """Order 2 along t of order 2 along s is what order 4 along one line says, by polarisation."""
    built, series, _ = case(seed)
    point, direction = jnp.asarray(series[0]), jnp.asarray(series[1])

    def inner(x: Any) -> Any:
        return osculate.jet(built.program, (x,), ([direction, None],), scaling="derivative")[1][1]

    _, orders = osculate.jet(inner, (point,), ([direction, None],), scaling="derivative")
    straight = [series[0], series[1], *[np.zeros(SIZE)] * 3]
    expected = reference(built.truth, straight, 4)[4] * 24
    np.testing.assert_allclose(orders[1], expected, atol=1e-10 * max(1.0, float(np.abs(expected).max())))


def test_an_input_with_two_consumers() -> None:
    """A network whose input enters two layers, and again at the end."""
    weights = jnp.asarray(MATRIX)

    def network(x: Any) -> Any:
        return weights @ (jnp.tanh(weights @ x) * jax.nn.silu(weights.T @ x)) + x * jnp.sum(x)

    def truth(x: Vector) -> Vector:
        left = [mpmath.tanh(e) for e in _matrix(x)]
        turned = [mpmath.fsum(mpmath.mpf(float(MATRIX[j, i])) * x[j] for j in range(SIZE)) for i in range(SIZE)]
        right = [e / (1 + mpmath.exp(-e)) for e in turned]
        mixed = _matrix([a * b for a, b in zip(left, right, strict=True)])
        return [m + e * mpmath.fsum(x) for m, e in zip(mixed, x, strict=True)]

    _, series, _ = case(3)
    series = [*series, *[np.zeros(SIZE)] * 9][:9]
    _, orders = osculate.jet(
        network, (jnp.asarray(series[0]),), ([jnp.asarray(c) for c in series[1:]],), scaling="coefficient"
    )
    expected = reference(truth, series, 8)
    np.testing.assert_allclose(np.stack(orders), expected[1:], atol=1e-12 * np.abs(expected).max())
