"""Structured Hessians against ``jax.hessian``: the same problems, interleaved in one process, in float64.

For each problem the ratio of the median times, the compile times, the temporary memory that XLA reports for both, and
the time to write the matrix alone, which no method can beat.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from osculate._structure import TooManyTerms, entries, matrix_plan, read
from osculate._trace import trace

jax.config.update("jax_enable_x64", True)
RANDOM = np.random.default_rng(0)


class Problem(NamedTuple):
    """A function of one flat vector, where it is taken, and the ratio to reach."""

    name: str
    function: Callable[[Any], Any]
    point: Any
    goal: float


def factorisation() -> Problem:
    rank, rows = 5, 100
    target = RANDOM.standard_normal((rows, rows))

    def loss(x: Any) -> Any:
        left, right = x[: rows * rank].reshape(rows, rank), x[rows * rank :].reshape(rows, rank)
        return 0.5 * jnp.sum((target - left @ right.T) ** 2) + 0.05 * jnp.sum(x**2)

    return Problem("matrix factorisation", loss, RANDOM.standard_normal(2 * rows * rank), 100)


def pairs() -> Problem:
    count = 100
    i, j = np.triu_indices(count, 1)

    def energy(x: Any) -> Any:
        place = x.reshape(count, 3)
        square = jnp.sum((place[i] - place[j]) ** 2, 1)
        return jnp.sum(square**-6 - square**-3)

    return Problem("pair energies", energy, 3 * RANDOM.standard_normal(3 * count), 100)


def all_pairs() -> Problem:
    count = 100

    def energy(x: Any) -> Any:
        place = x.reshape(count, 3)
        square = jnp.sum((place[:, None] - place[None]) ** 2, -1) + jnp.eye(count)
        return 0.5 * jnp.sum((square**-6 - square**-3) * (1 - jnp.eye(count)))

    return Problem("pair energies, all", energy, 3 * RANDOM.standard_normal(3 * count), 100)


def attention() -> Problem:
    length, width, head = 32, 16, 16
    tokens = RANDOM.standard_normal((length, width))
    target = RANDOM.standard_normal((length, head))

    def loss(x: Any) -> Any:
        query, key, value = x.reshape(3, width, head)
        weights = jax.nn.softmax((tokens @ query) @ (tokens @ key).T / head**0.5, axis=-1)
        return jnp.mean((weights @ (tokens @ value) - target) ** 2)

    return Problem("attention head", loss, RANDOM.standard_normal(3 * width * head) / width**0.5, 15)


def softmax_regression() -> Problem:
    samples, features, classes = 4000, 50, 10
    inputs = RANDOM.standard_normal((samples, features))
    labels = RANDOM.integers(0, classes, samples)

    def loss(x: Any) -> Any:
        logits = inputs @ x.reshape(features, classes)
        return jnp.mean(jax.nn.logsumexp(logits, 1) - logits[np.arange(samples), labels])

    return Problem("softmax regression", loss, 0.1 * RANDOM.standard_normal(features * classes), 5)


def network(name: str, widths: tuple[int, ...], goal: float, batch: int = 256) -> Problem:
    layers = [(RANDOM.standard_normal((n, m)) / n**0.5, np.zeros(m)) for n, m in itertools.pairwise(widths)]
    inputs, targets = RANDOM.standard_normal((batch, widths[0])), RANDOM.standard_normal((batch, widths[-1]))
    point, unravel = ravel_pytree(layers)

    def loss(x: Any) -> Any:
        *hidden, (last, shift) = unravel(x)
        state = inputs
        for weights, bias in hidden:
            state = jnp.tanh(state @ weights + bias)
        return jnp.mean((state @ last + shift - targets) ** 2)

    return Problem(name, loss, point, goal)


def logistic() -> Problem:
    inputs = RANDOM.standard_normal((10_000, 200))
    signs = np.sign(RANDOM.standard_normal(10_000))

    def loss(x: Any) -> Any:
        return jnp.mean(jnp.logaddexp(0.0, -signs * (inputs @ x)))

    return Problem("logistic regression", loss, 0.1 * RANDOM.standard_normal(200), 1.1)


def rosenbrock(x: Any) -> Any:
    return jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def problems() -> list[Problem]:
    return [
        factorisation(),
        pairs(),
        all_pairs(),
        attention(),
        softmax_regression(),
        network("network 10-20-12-1", (10, 20, 12, 1), 11),
        network("network 20-40-35-5", (20, 40, 35, 5), 6),
        network("autoencoder", (30, 8, 30), 1),
        network("deep narrow, 6 layers", (6,) * 7, 1),
        logistic(),
        Problem("Rosenbrock, dense", rosenbrock, RANDOM.standard_normal(1000), 2.4),
    ]


def structured(problem: Problem) -> Callable[[Any], Any] | None:
    program, _ = trace(problem.function, problem.point, asked="benchmark")
    structure = read(program)
    if isinstance(structure, TooManyTerms):
        print("  ", problem.name, "given up:", structure.reason)
        return None
    plan = matrix_plan(structure)
    if structure.fallbacks:
        print("   dense:", ", ".join(f.primitive for f in structure.fallbacks))
    return lambda x: plan.assembled(structure.compute(plan.arrays, program, (x,)), x.dtype)


def compiled(function: Callable[[Any], Any], x: Any) -> tuple[Any, float, int]:
    start = time.perf_counter()
    program = jax.jit(function).lower(x).compile()
    return program, time.perf_counter() - start, getattr(program.memory_analysis(), "temp_size_in_bytes", 0)


def timed(function: Callable[[Any], Any], x: Any) -> float:
    start = time.perf_counter()
    jax.block_until_ready(function(x))
    return time.perf_counter() - start


def medians(functions: list[Callable[[Any], Any]], x: Any, seconds: float = 1.5) -> list[float]:
    """Median time of each function, called in turns."""
    found: list[list[float]] = [[] for _ in functions]
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(found[0]) < 5:
        for times, function in zip(found, functions, strict=True):
            times.append(timed(function, x))
    return [float(np.median(times)) for times in found]


def dense_rows(chosen: str) -> None:
    heads = ("problem", "n", "jax ms", "ours ms", "write ms", "ratio", "goal")
    print("{:24} {:>5} {:>9} {:>9} {:>8} {:>7} {:>6}  temp MB  compile s  error".format(*heads))
    for problem in problems():
        if chosen not in problem.name:
            continue
        x = jnp.asarray(problem.point)
        start = time.perf_counter()
        plan = structured(problem)
        if plan is None:
            continue
        planned = time.perf_counter() - start
        ours, ours_compile, ours_bytes = compiled(plan, x)
        theirs, their_compile, their_bytes = compiled(jax.hessian(problem.function), x)
        write = jax.jit(lambda v: jnp.zeros((v.size, v.size)) + v[0])
        write(x)
        error = float(jnp.abs(ours(x) - theirs(x)).max() / jnp.abs(theirs(x)).max())
        mine, jaxs, floor = medians([ours, theirs, write], x)
        print(
            f"{problem.name:24} {x.size:5} {1e3 * jaxs:9.3f} {1e3 * mine:9.3f} {1e3 * floor:8.3f} "
            f"{jaxs / mine:7.1f} {problem.goal:6}  {ours_bytes / 1e6:.1f}/{their_bytes / 1e6:.1f}  "
            f"{planned:.2f}+{ours_compile:.1f}/{their_compile:.1f}  {error:.0e}"
        )


def chain() -> None:
    """The pattern of a long chain, and its entries in Hessian-vector products."""
    for count in (10**5, 10**6):
        x = jnp.asarray(RANDOM.standard_normal(count))
        start = time.perf_counter()
        program, _ = trace(rosenbrock, x, asked="benchmark")
        traced = time.perf_counter()
        structure = read(program)
        assert not isinstance(structure, TooManyTerms)
        found = entries(structure)
        done = time.perf_counter()

        def values(x: Any, found: Any = found, structure: Any = structure, program: Any = program) -> Any:
            return found.added(structure.compute(found.arrays, program, (x,)))

        def product(x: Any) -> Any:
            return jax.jvp(jax.grad(rosenbrock), (x,), (jnp.ones_like(x),))[1]

        ours, theirs = compiled(values, x)[0], compiled(product, x)[0]
        mine, hvp = medians([ours, theirs], x)
        print(
            f"chain {count}: trace {traced - start:.3f} s, pattern {done - traced:.3f} s, entries {mine / hvp:.2f} HVPs"
        )


if __name__ == "__main__":
    chosen = sys.argv[1] if len(sys.argv) > 1 else ""
    dense_rows(chosen)
    if chosen in "chain":
        chain()
