"""Dense Hessians by chunks of products, CasADi and PyTorch on the workloads of ``structured.py``, interleaved.

``hessian_peers.py`` runs all workloads, ``hessian_peers.py pair`` those with this in the name. PyTorch is compared
where it is installed. Beside the times, as a measure of what is possible: filling a matrix of that size, and the
operations that XLA counts for the structured Hessian at the speed of a large matrix product.
"""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import structured
from interleaved import medians, seconds_of
from sparse import buffered

import osculate

jax.config.update("jax_enable_x64", True)
CHUNK = 64


def by_chunks(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """What users write by hand: products with unit vectors, a batch at a time."""

    def second(x: Any) -> Any:
        product = lambda v: jax.jvp(jax.grad(function), (x,), (v,))[1]  # noqa: E731
        return jax.lax.map(product, jnp.eye(x.size), batch_size=min(CHUNK, x.size))

    return second


def with_torch(name: str, point: Any, jax_function: Callable[[Any], Any]) -> Callable[[], Any] | None:
    """``torch.func.hessian`` of the same function, where it is written out here; it has to agree with JAX's value."""
    if importlib.util.find_spec("torch") is None:
        return None
    import torch  # pyright: ignore[reportMissingImports]

    x = torch.tensor(np.asarray(point))
    function = torch_twin(torch, name, x)
    if function is None:
        return None
    assert abs(float(function(x)) - float(jax_function(point))) <= 1e-9 * abs(float(jax_function(point)))
    return lambda: torch.func.hessian(function)(x).numpy()


def torch_twin(torch: Any, name: str, point: Any) -> Callable[[Any], Any] | None:
    """The function of that name in PyTorch."""
    if name == "Rosenbrock, dense":
        return lambda x: torch.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)
    if name == "pair energies":
        i, j = (torch.tensor(index) for index in np.triu_indices(point.numel() // 3, 1))

        def energy(x: Any) -> Any:
            place = x.reshape(-1, 3)
            square = torch.sum((place[i] - place[j]) ** 2, 1)
            return torch.sum(square**-6 - square**-3)

        return energy
    return None


def with_casadi(name: str, point: Any) -> Callable[[], Any] | None:
    """The same in CasADi's scalar graph, its upper triangle and mirror included, where it can say the function."""
    if importlib.util.find_spec("casadi") is None or name not in ("Rosenbrock, dense", "pair energies"):
        return None
    import casadi  # pyright: ignore[reportMissingImports]

    x = casadi.SX.sym("x", point.size)
    if name == "Rosenbrock, dense":
        value = casadi.sum1(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)
    else:
        place = casadi.reshape(x, 3, -1)
        i, j = (list(map(int, index)) for index in np.triu_indices(point.size // 3, 1))
        square = casadi.sum1((place[:, i] - place[:, j]) ** 2)
        value = casadi.sum2(square**-6 - square**-3)
    second, _ = casadi.hessian(value, x)
    return buffered(casadi.Function("second", [x], [casadi.densify(second)]), point)


def counted(program: Any) -> float:
    """Floating-point operations of a compiled program, by XLA's own count."""
    analysis = program.cost_analysis()
    return float((analysis[0] if isinstance(analysis, list) else analysis).get("flops", 0))


def compare(problem: structured.Problem) -> None:
    """One line for each way to this Hessian."""
    x = jnp.asarray(problem.point)
    ways = {
        "osculate, structured": osculate.hessian(problem.function, output="matrix", method="structured"),
        "osculate, chosen by itself": osculate.hessian(problem.function, output="matrix"),
        "jax.hessian": jax.hessian(problem.function),
        f"products, {CHUNK} at a time": by_chunks(problem.function),
    }
    runs: dict[str, Callable[[], Any]] = {}
    costs: dict[str, str] = {}
    operations: list[float] = []
    for name, way in ways.items():
        program, seconds, temporary = structured.compiled(way, x)
        runs[name] = lambda p=program: p(x)
        operations.append(counted(program))
        costs[name] = f"compile {seconds:6.2f} s, temporary {temporary / 1e6:8.1f} MB"
    for name, make in {
        "torch.func.hessian": lambda: with_torch(problem.name, x, problem.function),
        "CasADi SX": lambda: with_casadi(problem.name, problem.point),
    }.items():
        start = time.perf_counter()
        if (run := make()) is not None:
            seconds_of(run)
            runs[name], costs[name] = run, f"made in {time.perf_counter() - start:.2f} s"
    write = jax.jit(lambda v: jnp.zeros((v.size, v.size)) + v[0])
    runs["filling a matrix"] = lambda: write(x)
    side = 1000
    factor = jnp.ones((side, side))
    multiply = jax.jit(jnp.matmul)
    runs["a product of 1,000²"] = lambda: multiply(factor, factor)
    times = dict(zip(runs, medians(list(runs.values()), seconds=3), strict=True))
    times["its operations in a product"] = times.pop("a product of 1,000²") * operations[0] / (2 * side**3)
    print(f"{problem.name}, n = {x.size}, goal {problem.goal:g} × over jax.hessian")
    for name, taken in times.items():
        ratio = times["jax.hessian"] / taken
        print(f"  {name:28} {1e3 * taken:10.3f} ms {ratio:8.1f} ×  {costs.get(name, '')}", flush=True)


if __name__ == "__main__":
    for candidate in structured.problems():
        if (sys.argv[1] if len(sys.argv) > 1 else "") in candidate.name:
            compare(candidate)
