"""How good the planner's pick is: every way to a Hessian timed side by side, on problems the planner was not fitted on.

For each problem the time of each way relative to ``jax.hessian``, which way ``osculate.hessian_plan`` picks, how far
that is from the best, and how long planning took. ``python benchmarks/planner.py [part of a name]``.
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
from structured import medians

import osculate

jax.config.update("jax_enable_x64", True)
RANDOM = np.random.default_rng(7)
WAYS = ("structured", "coloured", "chunked", "dense")
CALLED = {"full": "dense"}
"""Names of a plan whose names as ``method=`` differ."""


class Problem(NamedTuple):
    """A function of one flat vector and where it is taken."""

    name: str
    function: Callable[[Any], Any]
    point: Any


def normal(*shape: int) -> Any:
    return RANDOM.standard_normal(shape)


def of_tree(name: str, function: Callable[[Any], Any], tree: Any) -> Problem:
    point, unravel = ravel_pytree(tree)
    return Problem(name, lambda x: function(unravel(x)), point)


def layers(*widths: int) -> list[tuple[Any, Any]]:
    return [(normal(n, m) / n**0.5, 0.1 * normal(m)) for n, m in itertools.pairwise(widths)]


def network(name: str, widths: tuple[int, ...], batch: int, act: Callable[[Any], Any] = jnp.tanh) -> Problem:
    inputs, targets = normal(batch, widths[0]), normal(batch, widths[-1])

    def loss(parameters: Any) -> Any:
        *hidden, (last, shift) = parameters
        state = inputs
        for weights, bias in hidden:
            state = act(state @ weights + bias)
        return jnp.mean((state @ last + shift - targets) ** 2)

    return of_tree(name, loss, layers(*widths))


def classifier(batch: int) -> Problem:
    inputs, labels = normal(batch, 12), RANDOM.integers(0, 5, batch)

    def loss(parameters: Any) -> Any:
        (w, b), (v, c) = parameters
        logits = jax.nn.gelu(inputs @ w + b) @ v + c
        return jnp.mean(jax.nn.logsumexp(logits, 1) - logits[np.arange(batch), labels])

    return of_tree(f"classifier, batch {batch}", loss, layers(12, 16, 5))


def convolutional(batch: int) -> Problem:
    images, targets = normal(batch, 1, 8, 8), normal(batch, 5)

    def loss(p: Any) -> Any:
        first = jnp.tanh(jax.lax.conv(images, p["a"], (1, 1), "SAME"))
        second = jnp.tanh(jax.lax.conv(first, p["b"], (2, 2), "SAME"))
        return jnp.mean((second.reshape(batch, -1) @ p["c"] - targets) ** 2)

    tree = {"a": normal(4, 1, 3, 3) / 3, "b": normal(6, 4, 3, 3) / 6, "c": normal(96, 5) / 10}
    return of_tree(f"conv net, batch {batch}", loss, tree)


def recurrent(steps: int, width: int, batch: int) -> Problem:
    inputs, targets = normal(steps, batch, 3), normal(batch, 2)

    def loss(p: Any) -> Any:
        def step(state: Any, x: Any) -> tuple[Any, None]:
            return jnp.tanh(state @ p["w"] + x @ p["u"] + p["b"]), None

        state = jax.lax.scan(step, jnp.zeros((batch, width)), inputs)[0]
        return jnp.mean((state @ p["v"] - targets) ** 2)

    tree = {
        "w": normal(width, width) / width**0.5,
        "u": normal(3, width),
        "b": normal(width),
        "v": normal(width, 2) / width**0.5,
    }
    return of_tree(f"RNN by scan, {steps} steps of {width}", loss, tree)


def bottleneck(unknowns: int, width: int) -> Problem:
    first, second = normal(width, unknowns), normal(width, width) / width**0.5
    return Problem(
        f"bottleneck {unknowns} to {width}",
        lambda x: jnp.sum(jnp.tanh(second @ jnp.tanh(second @ jnp.tanh(first @ x))) ** 2),
        normal(unknowns),
    )


def dense_ode(width: int, steps: int) -> Problem:
    matrix = normal(width, width) / width**0.5

    def f(x: Any) -> Any:
        for _ in range(steps):
            x = x + 0.1 * jnp.tanh(matrix @ x)
        return jnp.sum(x**2)

    return Problem(f"dense ODE of {width}, {steps} steps", f, normal(width))


def lorenz(count: int) -> Problem:
    def f(x: Any) -> Any:
        for _ in range(8):
            x = x + 0.05 * ((jnp.roll(x, -1) - jnp.roll(x, 2)) * jnp.roll(x, 1) - x)
        return jnp.sum(x**2)

    return Problem(f"Lorenz 96 of {count}", f, normal(count))


def grid(side: int) -> Problem:
    def f(x: Any) -> Any:
        u = x.reshape(side, side)
        across, down = u[1:, :-1] - u[:-1, :-1], u[:-1, 1:] - u[:-1, :-1]
        return jnp.sum(jnp.sqrt(1 + across**2 + down**2)) + 0.01 * jnp.sum(u**4)

    return Problem(f"minimal surface, grid of {side}", f, normal(side * side))


def gaussian_process(points: int, features: int) -> Problem:
    places, values = normal(points, features), normal(points)

    def f(x: Any) -> Any:
        scaled = places * jnp.exp(x[:features])
        square = jnp.sum((scaled[:, None] - scaled[None]) ** 2, -1)
        kernel = jnp.exp(x[features] - 0.5 * square) + jnp.exp(x[features + 1]) * jnp.eye(points)
        root = jnp.linalg.cholesky(kernel)
        return 0.5 * jnp.sum(jax.scipy.linalg.solve_triangular(root, values, lower=True) ** 2) + jnp.sum(
            jnp.log(jnp.diag(root))
        )

    return Problem(f"Gaussian process, {points} points", f, 0.1 * normal(features + 2))


def mixture(samples: int, parts: int) -> Problem:
    data = normal(samples, 3)

    def loss(p: Any) -> Any:
        square = jnp.sum((data[:, None] - p["mean"]) ** 2 * jnp.exp(p["log"]), -1)
        score = jax.nn.log_softmax(p["weight"]) - 0.5 * square + 0.5 * jnp.sum(p["log"], -1)
        return -jnp.mean(jax.nn.logsumexp(score, -1))

    tree = {"mean": normal(parts, 3), "log": 0.1 * normal(parts, 3), "weight": normal(parts)}
    return of_tree(f"mixture of {parts}", loss, tree)


def poisson(samples: int, features: int) -> Problem:
    data, counts = normal(samples, features) / features**0.5, RANDOM.poisson(2.0, samples)
    return Problem(
        f"Poisson regression, {samples} × {features}",
        lambda x: jnp.mean(jnp.exp(data @ x) - counts * (data @ x)),
        0.1 * normal(features),
    )


def tensor_factors(side: int, rank: int) -> Problem:
    target = normal(side, side, side)

    def loss(p: Any) -> Any:
        return jnp.sum((target - jnp.einsum("ir,jr,kr->ijk", p["a"], p["b"], p["c"])) ** 2)

    return of_tree(f"tensor factors {side}³, rank {rank}", loss, {k: normal(side, rank) for k in "abc"})


def bundle(cameras: int, points: int) -> Problem:
    count = 3 * points
    camera, point = RANDOM.integers(0, cameras, count), RANDOM.integers(0, points, count)
    seen = normal(count, 2)

    def loss(p: Any) -> Any:
        view = p["points"][point] - p["cameras"][camera][:, :3]
        scale = p["cameras"][camera][:, 3]
        projected = scale[:, None] * view[:, :2] / (4.0 + view[:, 2:])
        return jnp.sum((projected - seen) ** 2)

    tree = {"cameras": 0.1 * normal(cameras, 4), "points": 0.1 * normal(points, 3)}
    return of_tree(f"bundle, {cameras} cameras, {points} points", loss, tree)


def chain_of_atoms(count: int) -> Problem:
    def f(x: Any) -> Any:
        place = x.reshape(count, 3)
        bond = place[1:] - place[:-1]
        length = jnp.sqrt(jnp.sum(bond**2, 1))
        bend = jnp.sum(bond[1:] * bond[:-1], 1) / (length[1:] * length[:-1])
        return jnp.sum((length - 1) ** 2) + jnp.sum((bend - 0.5) ** 2)

    return Problem(f"chain of {count} atoms", f, normal(3 * count))


def attention(length: int, width: int) -> Problem:
    tokens, target = normal(length, width), normal(length, width)

    def loss(p: Any) -> Any:
        weights = jax.nn.softmax((tokens @ p["q"]) @ (tokens @ p["k"]).T / width**0.5, -1)
        hidden = tokens + (weights @ (tokens @ p["v"])) @ p["o"]
        mean, scale = hidden.mean(-1, keepdims=True), hidden.var(-1, keepdims=True)
        return jnp.mean(((hidden - mean) / jnp.sqrt(scale + 1e-5) - target) ** 2)

    return of_tree(f"attention block {length} × {width}", loss, {k: normal(width, width) / width**0.5 for k in "qkvo"})


def scalars(count: int) -> Problem:
    def f(x: Any) -> Any:
        angle, across, total = 0.0, 0.0, 0.0
        for k in range(count):
            angle = angle + x[k]
            across = across + jnp.cos(angle)
            total = total + 0.1 * x[k] ** 2
        return (across - 0.5 * count) ** 2 + total

    return Problem(f"scalar code, arm of {count}", f, 0.1 * normal(count))


def ensemble(count: int) -> Problem:
    inputs, targets = normal(32, 3), normal(32)

    def one(w: Any, v: Any) -> Any:
        return jnp.mean((jnp.tanh(inputs @ w) @ v - targets) ** 2)

    return of_tree(
        f"ensemble of {count}",
        lambda p: jnp.sum(jax.vmap(one)(p["w"], p["v"])),
        {"w": normal(count, 3, 5), "v": normal(count, 5)},
    )


def problems() -> list[Problem]:
    return [
        network("network 4-8-1, batch 16", (4, 8, 1), 16),
        network("network 16-32-16-4, batch 64", (16, 32, 16, 4), 64),
        network("network 8-64-1, batch 1,024", (8, 64, 1), 1024, jax.nn.softplus),
        network("deep narrow, 12 layers of 6", (6,) * 13, 128),
        network("deep narrow, 6 layers of 2", (2,) * 7, 256),
        network("deep narrow, 20 layers of 4", (4,) * 21, 64),
        classifier(64),
        classifier(1024),
        convolutional(8),
        convolutional(32),
        recurrent(10, 6, 32),
        recurrent(30, 12, 16),
        bottleneck(3, 100),
        bottleneck(10, 300),
        bottleneck(60, 200),
        dense_ode(20, 10),
        dense_ode(60, 10),
        dense_ode(150, 4),
        lorenz(40),
        lorenz(400),
        grid(10),
        grid(20),
        grid(40),
        gaussian_process(80, 4),
        mixture(500, 4),
        mixture(2000, 12),
        poisson(2000, 30),
        poisson(500, 300),
        tensor_factors(12, 4),
        tensor_factors(25, 6),
        bundle(10, 60),
        bundle(20, 300),
        chain_of_atoms(20),
        chain_of_atoms(200),
        attention(16, 8),
        attention(40, 12),
        scalars(40),
        ensemble(30),
    ]


def compiled(function: Callable[[Any], Any], x: Any) -> tuple[Any, float, float]:
    start = time.perf_counter()
    program = jax.jit(function).lower(x).compile()
    return program, time.perf_counter() - start, getattr(program.memory_analysis(), "temp_size_in_bytes", 0) / 1e6


def row(problem: Problem, slow: float = 60.0) -> tuple[float, float]:
    """Prints one line; returns the pick's time over the best one's and over that of ``jax.hessian``."""
    x = jnp.asarray(problem.point)
    start = time.perf_counter()
    plan = osculate.hessian_plan(problem.function)(x)
    planned = time.perf_counter() - start
    functions = {"jax": jax.hessian(problem.function)}
    given = {CALLED.get(way.kind, way.kind): way for way in plan.ways}
    functions |= {
        kind: osculate.hessian(problem.function, output="matrix", method=kind)
        for kind in WAYS
        if not given[kind].refused and given[kind].ratio < slow
    }
    made = {kind: compiled(function, x) for kind, function in functions.items()}
    expected = made["jax"][0](x)
    worst = max(float(jnp.abs(m[0](x) - expected).max() / jnp.abs(expected).max()) for m in made.values())
    times = dict(zip(made, medians([m[0] for m in made.values()], x, 0.6), strict=True))
    pick = CALLED.get(plan.kind, plan.kind)
    best = min(times, key=lambda kind: times[kind])
    ratios = " ".join(
        f"{times[k] / times['jax']:6.2f}/{given[k].ratio:<5.3g}" if k in times else " " * 12 for k in WAYS
    )
    compile_times = "/".join(f"{made[k][1]:.1f}" for k in ("jax", pick))
    print(
        f"{problem.name:34}{x.size:5} {1e3 * times['jax']:8.3f} {ratios} {pick:10} {best:10}"
        f"{times[pick] / times[best]:6.2f}{times[pick] / times['jax']:6.2f}  {planned:.2f} s {compile_times} s "
        f"{made[pick][2]:.1f}/{made['jax'][2]:.1f} MB {worst:.0e}",
        flush=True,
    )
    return times[pick] / times[best], times[pick] / times["jax"]


def main(chosen: str) -> None:
    heads = " ".join(f"{way:>12}" for way in WAYS)
    print(f"{'problem':34}{'n':>5} {'jax ms':>8} {heads} {'pick':10} {'best':10}{'/best':>6}{'/jax':>6}")
    print("each way: time over that of jax.hessian / modelled time over that of the cheapest way")
    found = [row(problem) for problem in problems() if chosen in problem.name]
    far = sum(best > 1.3 for best, _ in found)
    slower = sum(jax > 1.2 for _, jax in found)
    print(f"{len(found)} problems: {far} picks beyond 1.3 × of the best, {slower} slower than jax.hessian by 20 %")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
