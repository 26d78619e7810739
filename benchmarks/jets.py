"""Derivatives of high order, and residuals of them, against jet, jet-array and nested ``jax.jvp``, in one process.

Compile time, run time (the smallest of many runs, the methods taking turns), error against exact arithmetic of 120
digits, and what the process grows by. Takes about three minutes on two cores.
"""

from __future__ import annotations

import functools
import gc
import math
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import flint  # pyright: ignore[reportMissingImports]
import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.jet import jet as jax_jet
from resident import growth

import osculate

Row = tuple[str, str, str, bool]
WIDTHS = (1, 64, 64, 64, 64, 1)
X = 0.3


def parameters(widths: tuple[int, ...], dtype: Any) -> list[Any]:
    """Weights of variance 1/n and small biases."""
    draw = np.random.default_rng(0).standard_normal
    return [(jnp.asarray(draw((n, m)) / n**0.5, dtype), jnp.asarray(draw(m) / 10, dtype)) for n, m in pairwise(widths)]


def network(weights: list[Any], x: Any) -> Any:
    """A tanh network; rows of ``x`` are points."""
    *hidden, (last, bias) = weights
    for w, b in hidden:
        x = jnp.tanh(x @ w + b)
    return x @ last + bias


def of_number(weights: list[Any]) -> Callable[[Any], Any]:
    return lambda x: network(weights, jnp.reshape(x, (1,)))[0]


def composed(x: Any) -> Any:
    return jnp.sin(x) * jnp.exp(-(x**2)) + jnp.tanh(x)


# the derivative of order n, by each method


def ours(f: Callable[[Any], Any], n: int) -> Callable[[Any], Any]:
    return osculate.derivative(f, n)


def nested(f: Callable[[Any], Any], n: int) -> Callable[[Any], Any]:
    for _ in range(n):
        f = functools.partial(lambda g, x: jax.jvp(g, (x,), (jnp.ones_like(x),))[1], f)
    return f


def by_jax_jet(f: Callable[[Any], Any], n: int) -> Callable[[Any], Any]:
    return lambda x: jax_jet(f, (x,), ((jnp.ones_like(x), *[jnp.zeros_like(x)] * (n - 1)),))[1][n - 1]


def by_jet_array(f: Callable[[Any], Any], n: int) -> Callable[[Any], Any]:
    from jet_array import jet as jet_array  # an alpha release  # pyright: ignore[reportMissingImports]

    return lambda x: jet_array(f, (x,), ((jnp.ones_like(x), *[jnp.zeros_like(x)] * (n - 1)),))[1][n - 1]


def exact(f: str, weights: list[Any], n: int) -> list[float]:
    """Taylor coefficients at X, in balls of 400 bits."""
    flint.ctx.prec, flint.ctx.cap = 400, n + 1
    x = flint.arb_series([flint.arb(X), flint.arb(1)])
    if f == "composed":
        e = (2 * x).exp()
        series = x.sin() * (-(x * x)).exp() + (e - 1) / (e + 1)
        return [float(series[k].mid()) for k in range(n + 1)]
    h = [x]
    for layer, (w, b) in enumerate(weights):
        w, b = np.asarray(w), np.asarray(b)
        z = []
        for k in range(len(b)):
            total = flint.arb_series([flint.arb(float(b[k]))])
            for j, series in enumerate(h):
                total = total + series * flint.arb(float(w[j, k]))
            z.append(total)
        h = z if layer == len(weights) - 1 else [((2 * s).exp() - 1) / ((2 * s).exp() + 1) for s in z]
    return [float(h[0][k].mid()) for k in range(n + 1)]


# measuring


def compiled(f: Callable[..., Any], *arguments: Any) -> tuple[float, Callable[..., Any]]:
    """Seconds of tracing and compiling, and the program."""
    gc.collect()
    start = time.perf_counter()
    program = jax.jit(f).lower(*arguments).compile()
    return time.perf_counter() - start, program


def interleaved(programs: dict[str, Callable[..., Any]], *arguments: Any, seconds: float = 3.0) -> dict[str, float]:
    """The smallest time of each; they take turns, so that the machine's moods meet them alike."""
    best = dict.fromkeys(programs, math.inf)
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or math.inf in best.values():
        for name, program in programs.items():
            start = time.perf_counter()
            jax.block_until_ready(program(*arguments))
            best[name] = min(best[name], time.perf_counter() - start)
    return best


def high_orders() -> list[Row]:
    """f⁽²⁰⁾ and f⁽¹⁰⁰⁾ in float64."""
    rows: list[Row] = []
    weights, x = parameters(WIDTHS, jnp.float64), jnp.asarray(X)
    functions = {"network": of_number(weights), "composed": composed}
    for name, n, compile_goal, run_goal in (
        ("network", 20, 0.3, 80),
        ("network", 100, 0.5, 3000),
        ("composed", 100, 0.5, 3000),
    ):
        f = functions[name]
        compile_time = min(compiled(ours(f, n), x)[0] for _ in range(3))
        program = compiled(ours(f, n), x)[1]
        run = interleaved({"ours": program}, x, seconds=1.0)["ours"] * 1e6
        true = exact(name, weights, n)
        found = np.asarray(osculate.taylor(f, n)(X).coefficients)
        size = [max(abs(c) for c in true[max(0, k - 2) : k + 3]) for k in range(n + 1)]
        error = float(np.max(np.abs(found - true) / size))
        last = abs(float(program(x)) / (true[n] * float(math.factorial(n))) - 1)
        rows.append(
            (
                f"f^({n}) of the {name}: compile",
                f"{compile_time:.2f} s",
                f"<= {compile_goal} s",
                compile_time <= compile_goal,
            )
        )
        rows.append((f"f^({n}) of the {name}: run", f"{run:.0f} us", f"<= {run_goal} us", run <= run_goal))
        rows.append((f"f^({n}) of the {name}: coefficients", f"{error:.1e}", "<= 1e-12", error <= 1e-12))
        if n == 20:
            rows.append((f"f^({n}) of the {name}: error", f"{last:.1e}", "<= 1e-14", last <= 1e-14))
    if "--peers" in sys.argv:
        peers = {"jax.experimental.jet": by_jax_jet, "jet-array": by_jet_array}
        for peer, method in peers.items():
            seconds, program = compiled(method(functions["network"], 20), x)
            run = interleaved({peer: program}, x, seconds=1.0)[peer] * 1e6
            rows.append((f"    {peer}, f^(20)", f"{seconds:.2f} s, {run:.0f} us", "", True))
    return rows


def low_orders() -> list[Row]:
    """Orders 2 to 4, one point and a batch, against nested ``jvp``."""
    rows: list[Row] = []
    f = of_number(parameters(WIDTHS, jnp.float64))
    for batch in (1, 1024):
        points = jnp.asarray(X) if batch == 1 else jnp.linspace(-1, 1, batch)
        for n in (2, 3, 4):
            methods = {"ours": ours(f, n), "nested": nested(f, n), "jet": by_jax_jet(f, n)}
            programs = {k: compiled(jax.vmap(m) if batch > 1 else m, points)[1] for k, m in methods.items()}
            best = interleaved(programs, points)
            ratio = best["nested"] / best["ours"]
            text = f"{best['ours'] * 1e6:.0f} us; nested {best['nested'] * 1e6:.0f}, jet {best['jet'] * 1e6:.0f}"
            rows.append((f"order {n}, batch {batch}", f"{text}: {ratio:.2f} x", ">= 1 x", ratio >= 1))
    return rows


def residual(derivative: Callable[..., Any], n: int, weights: list[Any], points: Any) -> Any:
    """Mean square of ∂ⁿu/∂xⁿ over the points (x, t)."""
    return jnp.mean(derivative(n, weights, points) ** 2)


def our_partial(n: int, weights: list[Any], points: Any) -> Any:
    return osculate.partial(lambda w, p: network(w, p)[:, 0], (n, 0), argnums=1)(weights, points)


def nested_partial(n: int, weights: list[Any], points: Any) -> Any:
    def u(x: Any, t: Any) -> Any:
        return network(weights, jnp.stack([x, t]))[0]

    def one(p: Any) -> Any:
        return nested(lambda x: u(x, p[1]), n)(p[0])

    return jax.vmap(one)(points)


def jet_partial(n: int, weights: list[Any], points: Any) -> Any:
    direction = jnp.zeros_like(points).at[:, 0].set(1)
    series = (direction, *[jnp.zeros_like(points)] * (n - 1))
    return jax_jet(lambda p: network(weights, p)[:, 0], (points,), (series,))[1][n - 1]


METHODS = {"ours": our_partial, "nested": nested_partial, "jet": jet_partial}


def training_step(name: str, n: int) -> tuple[Callable[..., Any], Any, Any]:
    """The compiled gradient, and its arguments (network 2-128⁴-1, 512 points, float32)."""
    weights = parameters((2, 128, 128, 128, 128, 1), jnp.float32)
    points = jnp.asarray(np.random.default_rng(1).uniform(-1, 1, (512, 2)), jnp.float32)
    return compiled(jax.grad(functools.partial(residual, METHODS[name], n)), weights, points)[1], weights, points


def resident(name: str, n: int) -> float:
    """Megabytes that the first run adds to a process of its own: the smallest of three."""
    command = [sys.executable, __file__, "--resident", name, str(n)]
    return min(float(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for _ in range(3))


def residuals() -> list[Row]:
    """The gradient, in the parameters, of residuals with u_xxx and u_xxxx."""
    rows: list[Row] = []
    for n in (3, 4):
        steps = {name: training_step(name, n) for name in METHODS}
        _, weights, points = steps["ours"]
        programs = {name: step[0] for name, step in steps.items()}
        values = {name: jax.tree.leaves(program(weights, points)) for name, program in programs.items()}
        pairs = zip(values["ours"], values["nested"], strict=True)
        worst = max(float(jnp.max(jnp.abs(a - b)) / jnp.max(jnp.abs(b))) for a, b in pairs)
        best = interleaved(programs, weights, points, seconds=8.0)
        memory = {name: resident(name, n) for name in METHODS}
        ratio = best["nested"] / best["ours"]
        times = ", ".join(f"{k} {v * 1e3:.1f}" for k, v in best.items())
        sizes = ", ".join(f"{k} {v:.0f}" for k, v in memory.items())
        rows.append((f"gradient of u_{'x' * n} residual", f"{times} ms: {ratio:.2f} x", ">= 1.5 x", ratio >= 1.5))
        rows.append(("    resident memory of a run", f"{sizes} MB", "no more", memory["ours"] <= memory["nested"]))
        rows.append(("    difference to nested", f"{worst:.1e}", "<= 1e-3 (float32)", worst <= 1e-3))
    return rows


def main() -> int:
    """Print the table; 1 where a goal is missed."""
    if "--resident" in sys.argv:
        program, weights, points = training_step(sys.argv[-2], int(sys.argv[-1]))
        print(growth(lambda: jax.block_until_ready(program(weights, points))))
        return 0
    with jax.enable_x64():
        rows = high_orders() + low_orders()
    rows += residuals()
    print(f"JAX {jax.__version__} on {jax.devices()[0].device_kind}")
    for name, value, goal, good in rows:
        print(f"{name:42} {value:46} {goal:18} {'' if not goal else 'OK' if good else 'MISS'}")
    return 0 if all(good for *_, good in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
