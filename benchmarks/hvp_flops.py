"""What a repeated Hessian-vector product costs, in gradients: linearised once, and by ``jax.jvp(jax.grad(f))``.

Flops are XLA's own count of the compiled programs (``cost_analysis``). In a wide and deep network the linear part alone
takes six products of matrices a layer where a gradient takes three, so the ratio tends to 2, and to 2.67 from scratch;
the first and the last layer take less. The goal is for the demo's network; the others show the range.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

import osculate

GOAL = 1.8
SAMPLES = 1797
Layers = list[tuple[jax.Array, jax.Array]]
Problem = tuple[Callable[..., jax.Array], Any, tuple[jax.Array, ...]]


def network(*widths: int) -> Problem:
    """Mean-square loss of a tanh network over a batch as large as scikit-learn's digits."""
    keys = jax.random.split(jax.random.key(0), len(widths) + 1)
    pairs = zip(keys, widths, widths[1:], strict=False)
    parameters = [(jax.random.normal(key, (n, m)) / n**0.5, jnp.zeros(m)) for key, n, m in pairs]

    def loss(parameters: Layers, inputs: jax.Array, targets: jax.Array) -> jax.Array:
        *hidden, (last, bias) = parameters
        for weights, shift in hidden:
            inputs = jnp.tanh(inputs @ weights + shift)
        return jnp.mean((inputs @ last + bias - targets) ** 2)

    inputs = jax.random.normal(keys[-1], (SAMPLES, widths[0]))
    targets = jax.nn.one_hot(jax.random.randint(keys[-2], (SAMPLES,), 0, widths[-1]), widths[-1])
    return loss, parameters, (inputs, targets)


def attention(width: int, length: int, batch: int) -> Problem:
    """One layer of attention and its feed-forward part."""
    keys = jax.random.split(jax.random.key(0), 6)
    shapes = [(width, width)] * 3 + [(width, 2 * width), (2 * width, width)]
    parameters = [jax.random.normal(key, shape) / shape[0] ** 0.5 for key, shape in zip(keys, shapes, strict=False)]

    def loss(parameters: list[jax.Array], x: jax.Array) -> jax.Array:
        query, key, value, up, down = parameters
        scores = (x @ query) @ jnp.swapaxes(x @ key, -1, -2) / width**0.5
        x = x + jax.nn.softmax(scores) @ (x @ value)
        return jnp.mean((x + jax.nn.gelu(x @ up) @ down) ** 2)

    return loss, parameters, (jax.random.normal(keys[-1], (batch, length, width)),)


def logistic(width: int) -> Problem:
    """Logistic regression."""
    keys = jax.random.split(jax.random.key(0), 3)

    def loss(w: jax.Array, inputs: jax.Array, signs: jax.Array) -> jax.Array:
        return jnp.mean(jnp.logaddexp(0.0, -signs * (inputs @ w)))

    inputs = jax.random.normal(keys[1], (SAMPLES, width))
    return loss, jax.random.normal(keys[0], (width,)), (inputs, jax.random.rademacher(keys[2], (SAMPLES,), jnp.float32))


def flops(f: Callable[..., Any], *args: Any) -> float:
    """XLA's count for the compiled ``f``."""
    return float((jax.jit(f).lower(*args).compile().cost_analysis() or {})["flops"])


def seconds(f: Callable[..., Any], *args: Any) -> float:
    """Shortest of several runs, after one that compiles."""
    jax.block_until_ready(f(*args))
    runs: list[float] = []
    for _ in range(30):
        start = time.perf_counter()
        jax.block_until_ready(f(*args))
        runs.append(time.perf_counter() - start)
    return min(runs)


def measure(name: str, problem: Problem) -> tuple[float, float]:
    """Print one row; returns the flops of a linearised product in gradients, and how far the two products differ."""
    loss, point, data = problem

    def from_scratch(at: Any, along: Any, *data: jax.Array) -> Any:
        return jax.jvp(lambda p: jax.grad(loss)(p, *data), (at,), (along,))[1]

    operator = osculate.hessian_operator(loss)(point, *data)
    product: Any = operator.product
    v = jax.random.normal(jax.random.key(1), operator.shape[:1])
    along = operator.unravel(v)
    reference = operator.ravel(jax.jit(from_scratch)(point, along, *data))
    difference = float(jnp.linalg.norm(operator @ v - reference) / jnp.linalg.norm(reference))

    gradient = flops(jax.grad(loss), point, *data)
    linearised = flops(lambda linear, u: linear(u), product.linear, v) / gradient
    scratch = flops(from_scratch, point, along, *data) / gradient
    unit = seconds(jax.jit(jax.grad(loss)), point, *data)
    times = seconds(operator.__matmul__, v) / unit, seconds(jax.jit(from_scratch), point, along, *data) / unit
    print(f"{name:<38}{operator.shape[0]:>7}{linearised:>9.2f}{scratch:>9.2f}", end="")
    print(f"{times[0]:>9.2f}{times[1]:>9.2f}{difference:>10.0e}", end="")
    return linearised, difference


def main() -> int:
    """Count, print the table, and say by the exit status whether the goal is met."""
    print(f"{'one product, in gradients':<45}{'flops':>18}{'time':>18}")
    print(f"{'':<38}{'n':>7}{'ours':>9}{'jvp∘grad':>9}{'ours':>9}{'jvp∘grad':>9}{'differ':>10}  goal")
    ratio, difference = measure("the demo's network, 64-40-20-10", network(64, 40, 20, 10))
    met = ratio <= GOAL and difference < 1e-5
    print(f"  ≤ {GOAL} flops  {'OK' if met else 'MISS'}")
    others = {
        "deeper, 64-64-64-64-64-10": network(64, 64, 64, 64, 64, 10),
        "attention, width 32": attention(32, 24, 16),
        "logistic regression": logistic(64),
    }
    for name, problem in others.items():
        measure(name, problem)
        print()
    return int(not met)


if __name__ == "__main__":
    sys.exit(main())
