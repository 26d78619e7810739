"""What a repeated Hessian-vector product costs, in gradients: linearised once, and by ``jax.jvp(jax.grad(f))``.

The network is the one of the demo: 64-40-20-10, tanh, mean-square loss over a batch as large as scikit-learn's digits.
Flops are XLA's own count of the compiled program (``cost_analysis``), products and sums as one each.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

import osculate

WIDTHS = (64, 40, 20, 10)
SAMPLES = 1797
GOAL = 1.8

Parameters = list[tuple[jax.Array, jax.Array]]


def network(key: jax.Array) -> Parameters:
    """Weights and biases at the usual scale."""
    keys = jax.random.split(key, len(WIDTHS) - 1)
    pairs = zip(keys, WIDTHS, WIDTHS[1:], strict=False)
    return [(jax.random.normal(k, (n, m)) / n**0.5, jnp.zeros(m)) for k, n, m in pairs]


def loss(parameters: Parameters, inputs: jax.Array, targets: jax.Array) -> jax.Array:
    """Mean-square loss of the tanh network."""
    *hidden, (last, bias) = parameters
    for weights, shift in hidden:
        inputs = jnp.tanh(inputs @ weights + shift)
    return jnp.mean((inputs @ last + bias - targets) ** 2)


def flops(f: Callable[..., Any], *args: Any) -> float:
    """XLA's count for the compiled ``f``."""
    return float(jax.jit(f).lower(*args).compile().cost_analysis()["flops"])


def seconds(f: Callable[[], Any]) -> float:
    """Shortest of several runs, after one that compiles."""
    jax.block_until_ready(f())
    runs: list[float] = []
    for _ in range(30):
        start = time.perf_counter()
        jax.block_until_ready(f())
        runs.append(time.perf_counter() - start)
    return min(runs)


def main() -> int:
    """Count, print the table, and say by the exit status whether the goal is met."""
    keys = jax.random.split(jax.random.key(0), 4)
    parameters = network(keys[0])
    inputs = jax.random.normal(keys[1], (SAMPLES, WIDTHS[0]))
    targets = jax.nn.one_hot(jax.random.randint(keys[2], (SAMPLES,), 0, WIDTHS[-1]), WIDTHS[-1])

    def from_scratch(at: Parameters, along: Parameters, *data: jax.Array) -> Parameters:
        return jax.jvp(lambda p: jax.grad(loss)(p, *data), (at,), (along,))[1]

    operator = osculate.hessian_operator(loss)(parameters, inputs, targets)
    v = jax.random.normal(keys[3], operator.shape[:1])
    along = operator.unravel(v)
    reference = operator.ravel(from_scratch(parameters, along, inputs, targets))
    difference = float(jnp.linalg.norm(operator @ v - reference) / jnp.linalg.norm(reference))

    gradient = flops(jax.grad(loss), parameters, inputs, targets)
    linearised = flops(lambda linear, u: linear(u), operator.product.linear, v) / gradient
    scratch = flops(from_scratch, parameters, along, inputs, targets) / gradient

    jitted = jax.jit(jax.grad(loss)), jax.jit(from_scratch)
    unit = seconds(lambda: jitted[0](parameters, inputs, targets))
    times = (
        seconds(lambda: operator @ v) / unit,
        seconds(lambda: jitted[1](parameters, along, inputs, targets)) / unit,
    )

    met = linearised <= GOAL and difference < 1e-5
    print(f"{'one product, in gradients':<46}{'flops':>8}{'time':>8}  goal")
    print(f"{'osculate.hessian_operator, linearised once':<46}{linearised:>8.2f}{times[0]:>8.2f}", end="  ")
    print(f"≤ {GOAL} flops  {'OK' if met else 'MISS'}")
    print(f"{'jax.jvp(jax.grad(f)), from scratch each time':<46}{scratch:>8.2f}{times[1]:>8.2f}  (2.3 to 2.5)")
    print(f"({operator.shape[0]} parameters, {SAMPLES} samples;", end=" ")
    print(f"a gradient takes {gradient / 1e6:.1f} Mflop and {unit * 1e3:.1f} ms;")
    print(f" the two products differ by {difference:.1e} relative, in {operator.dtype})")
    return int(not met)


if __name__ == "__main__":
    sys.exit(main())
