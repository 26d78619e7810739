"""Laplacians and biharmonic operators against folx, in one process, interleaved; memory in a process of its own.

    python benchmarks/laplacian.py                  all rows, times
    python benchmarks/laplacian.py --row electrons-10
    python benchmarks/laplacian.py --memory         growth of the resident set, each row in a process of its own

Needs ``pip install folx`` beside osculate. Times are medians of interleaved runs, after a warm-up. "osculate rows" is
the function of many points, read as rows and computed in chunks.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import folx  # pyright: ignore[reportMissingImports]
import jax
import jax.numpy as jnp
import numpy as np
from laplacian_cases import (
    apply,
    attention,
    attention_parameters,
    electron_parameters,
    network,
    wave_function,
)

import osculate

RUNS = 7
SPARSITY = 6
"""What folx's own documentation takes for wave functions: derivatives of so many particles stay sparse."""

Programs = dict[str, Callable[[], Any]]


def by_folx(f: Callable[..., Any], sparsity: int = 0) -> Callable[..., Any]:
    """The Laplacian of each row by folx."""

    def laplacian(parameters: Any, x: Any) -> Any:
        return folx.forward_laplacian(lambda x: f(parameters, x), sparsity_threshold=sparsity)(x).laplacian

    return laplacian


def of_rows(laplacian: Callable[..., Any]) -> Callable[..., Any]:
    """Mapped over points."""
    return jax.vmap(laplacian, (None, 0))


def nested(parameters: Any, x: Any) -> Any:
    """Second derivatives one by one, by ``jax.jvp`` of ``jax.grad``."""
    slope = jax.grad(lambda x: apply(parameters, x))
    return jnp.sum(jax.vmap(lambda e: jax.jvp(slope, (x,), (e,))[1] @ e)(jnp.eye(x.size, dtype=x.dtype)))


def points(rows: int, size: int) -> jax.Array:
    """Random points."""
    return jnp.asarray(np.random.default_rng(1).normal(size=(rows, size)), jnp.float32)


def perceptron(rows: int, size: int, width: int, depth: int) -> dict[str, Any]:
    """A network of rows."""
    mine = osculate.laplacian(apply, argnums=1)
    programs = {"folx": of_rows(by_folx(apply)), "osculate": mine}
    if size <= 100:
        programs["nested jvp"] = of_rows(nested)
    return {"programs": programs, "arguments": (network((size, *[width] * depth, 1)), points(rows, size))}


def biharmonic(rows: int, size: int, width: int, depth: int) -> dict[str, Any]:
    """Δ² of a network of rows."""

    def folx_twice(parameters: Any, x: Any) -> Any:
        inner = lambda x: by_folx(apply)(parameters, x)  # noqa: E731
        return folx.forward_laplacian(inner)(x).laplacian

    programs = {"folx": of_rows(folx_twice), "osculate": osculate.biharmonic(apply, argnums=1)}
    return {"programs": programs, "arguments": (network((size, *[width] * depth, 1)), points(rows, size))}


def particles(f: Callable[..., Any], parameters: Any, rows: int, count: int, training: bool = False) -> dict[str, Any]:
    """A function of particles at several points; with ``training`` the gradient in the parameters of Σ (Δf)²."""
    programs = {
        "folx": of_rows(by_folx(f, SPARSITY)),
        "folx dense": of_rows(by_folx(f)),
        "osculate": of_rows(osculate.laplacian(f, argnums=1)),
        "osculate rows": osculate.laplacian(of_rows(f), argnums=1),
    }
    if training:
        programs = {name: gradient(program) for name, program in programs.items()}
    return {"programs": programs, "arguments": (parameters, points(rows, 3 * count))}


def gradient(laplacian: Callable[..., Any]) -> Callable[..., Any]:
    """Of the mean square of a Laplacian, in the parameters."""
    return jax.grad(lambda parameters, x: jnp.mean(laplacian(parameters, x) ** 2))


ROWS: dict[str, Callable[[], dict[str, Any]]] = {
    "D=100 W=256 depth 4 B=512": lambda: perceptron(512, 100, 256, 4),
    "D=1000 W=128 depth 4 B=64": lambda: perceptron(64, 1000, 128, 4),
    "D=4000 W=128 depth 4 B=64": lambda: perceptron(64, 4000, 128, 4),
    "biharmonic D=10 W=128 depth 4 B=64": lambda: biharmonic(64, 10, 128, 4),
    "attention-10": lambda: particles(attention, attention_parameters(64), 32, 10),
    "attention-40": lambda: particles(attention, attention_parameters(64), 8, 40),
    "attention-10 training": lambda: particles(attention, attention_parameters(64), 32, 10, True),
    "electrons-10": lambda: particles(wave_function, electron_parameters(10), 32, 10),
    "electrons-20": lambda: particles(wave_function, electron_parameters(20), 16, 20),
    "electrons-40": lambda: particles(wave_function, electron_parameters(40), 4, 40),
    "electrons-10 training": lambda: particles(wave_function, electron_parameters(10), 32, 10, True),
    "electrons-20 training": lambda: particles(wave_function, electron_parameters(20), 16, 20, True),
}


def times(row: str) -> None:
    """Interleaved medians, and the ratio to osculate."""
    case = ROWS[row]()
    compiled = {name: jax.jit(program) for name, program in case["programs"].items()}
    results = {name: jax.block_until_ready(program(*case["arguments"])) for name, program in compiled.items()}
    spent: dict[str, list[float]] = {name: [] for name in compiled}
    for _ in range(RUNS):
        for name, program in compiled.items():
            start = time.perf_counter()
            jax.block_until_ready(program(*case["arguments"]))
            spent[name].append(time.perf_counter() - start)
    best = float(np.median(spent["osculate"]))
    true = np.concatenate([np.ravel(v) for v in jax.tree.leaves(results["folx"])])
    mine = np.concatenate([np.ravel(v) for v in jax.tree.leaves(results["osculate"])])
    apart = np.abs(true - mine).max() / np.abs(true).max()
    cells = [f"{name} {1e3 * np.median(s):.1f} ms ({np.median(s) / best:.2f}×)" for name, s in spent.items()]
    print(f"{row}: {', '.join(cells)}; apart {apart:.1e}", flush=True)


def memory(row: str, name: str) -> None:
    """How much the resident set of this process grows beyond the compiled program and its arguments."""
    case = ROWS[row]()
    compiled = jax.jit(case["programs"][name]).lower(*case["arguments"]).compile()
    jax.block_until_ready(case["arguments"])
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    jax.block_until_ready(compiled(*case["arguments"]))
    print(f"{row}: {name} {(_status('VmHWM') - before) / 1024:.1f} MB", flush=True)


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))


def main() -> None:
    """See the top of this file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--row", choices=list(ROWS))
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--program", choices=["folx", "folx dense", "osculate", "osculate rows", "nested jvp"])
    chosen = parser.parse_args()
    for row in [chosen.row] if chosen.row else ROWS:
        if not chosen.memory:
            times(row)
        elif chosen.program:
            memory(row, chosen.program)
        else:
            for name in [name for name in ROWS[row]()["programs"] if name != "nested jvp"]:
                arguments = [sys.executable, __file__, "--memory", "--row", row, "--program", name]
                subprocess.run(arguments, check=True)


if __name__ == "__main__":
    main()
