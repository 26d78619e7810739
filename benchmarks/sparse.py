"""Sparse Hessians against asdex and CasADi: detection, colouring, evaluation, memory; interleaved in one process.

``sparse.py`` runs all problems, ``sparse.py grid`` those whose name begins so; ``--memory`` runs each detection in a
process of its own and prints by how much its resident set grew at the peak.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from hessian_problems import Sparse, low_rank, problems
from interleaved import medians, seconds_of
from resident import growth

import osculate

jax.config.update("jax_enable_x64", True)
SX_LIMIT = 10**5
"""CasADi's scalar graph takes minutes beyond."""
C_LIMIT, GCC_SECONDS = 10**4, 60
MEGABYTES = 1000
MISSES: list[str] = []


def goal(label: str, figure: float, unit: str, wanted: float | None, most: bool) -> str:
    """A line with the figure, the goal and the verdict; ``most`` if the figure must not exceed the goal."""
    if wanted is None:
        return f"  {label:44} {figure:10.3f} {unit}"
    met = figure <= wanted if most else figure >= wanted
    if not met:
        MISSES.append(label)
    return f"  {label:44} {figure:10.3f} {unit:5} goal {'≤' if most else '≥'} {wanted:g}  {'OK' if met else 'MISS'}"


def anew(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The same function as a new object, which no cache knows."""
    return lambda x: function(x)


def detection(problem: Sparse, x: Any) -> None:
    """Seconds to the pattern, trace included, each time from a function not seen before."""
    import asdex  # pyright: ignore[reportMissingImports]

    first = seconds_of(lambda: osculate.sparsity(anew(problem.function))(x).rows)
    ours = float(np.median([seconds_of(lambda: osculate.sparsity(anew(problem.function))(x).rows) for _ in range(5)]))
    pattern = osculate.sparsity(problem.function)(x)
    print(f"{problem.name}: {pattern.nnz:,} entries", flush=True)
    print(goal("pattern", ours, "s", problem.seconds, most=True), f"(first time {first:.3f} s)")
    repeats = 3 if problem.size <= 10**5 else 1
    theirs = float(
        np.median([seconds_of(lambda: asdex.hessian_sparsity(anew(problem.function), x).rows) for _ in range(repeats)])
    )
    print(goal("  asdex's", theirs, "s", None, most=True))
    print(goal("  asdex / osculate", theirs / ours, "×", problem.detection, most=False))
    found = asdex.hessian_sparsity(problem.function, x).nnz
    print(goal("  entries beyond asdex's", max(0, pattern.nnz - found), "", 0, most=True), flush=True)


def asdex_values(problem: Sparse, x: Any) -> Callable[[], Any]:
    """Entries by asdex, compiled, after its colouring."""
    import asdex  # pyright: ignore[reportMissingImports]

    start = time.perf_counter()
    coloring = asdex.hessian_coloring(problem.function, x)
    print(f"  asdex's colouring, detection included        {time.perf_counter() - start:10.3f} s")
    second = asdex.hessian_from_coloring(problem.function, coloring, output_format="bcoo")
    compute = jax.jit(lambda at: second(at).data)
    print(f"  asdex's first evaluation                     {seconds_of(lambda: compute(x)):10.3f} s", flush=True)
    return lambda: compute(x)


def casadi_values(problem: Sparse, x: Any) -> dict[str, Callable[[], Any]]:
    """Entries by CasADi's virtual machine and by its C code, where they are made in time."""
    import casadi  # pyright: ignore[reportMissingImports]

    if problem.casadi is None or problem.size > SX_LIMIT:
        return {}
    start = time.perf_counter()
    symbol = casadi.SX.sym("x", problem.size)
    second, _ = casadi.hessian(problem.casadi(casadi, symbol), symbol)
    function = casadi.Function("second", [symbol], [second])
    print(f"  CasADi SX, Hessian and its graph             {time.perf_counter() - start:10.3f} s", flush=True)
    runs = {"CasADi SX": buffered(function, x)}
    if problem.size > C_LIMIT:
        return runs
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder) / "second.c", Path(folder) / "second.so"
        start = time.perf_counter()
        code = casadi.CodeGenerator("second.c")
        code.add(function)
        code.generate(f"{folder}/")
        try:
            command = ["gcc", "-O2", "-fPIC", "-shared", str(source), "-o", str(library), "-lm"]
            subprocess.run(command, check=True, timeout=GCC_SECONDS)
        except subprocess.TimeoutExpired:
            print(f"  CasADi C code, gcc -O2                       more than {GCC_SECONDS} s", flush=True)
        else:
            print(f"  CasADi C code, gcc -O2                       {time.perf_counter() - start:10.3f} s", flush=True)
            runs["CasADi C"] = buffered(casadi.external("second", str(library)), x)
    return runs


def buffered(function: Any, x: Any) -> Callable[[], Any]:
    """The function of CasADi's on memory handed to it once, as its fastest callers do."""
    buffer, evaluate = function.buffer()
    point, result = np.array(x, float), np.zeros(function.nnz_out(0))
    buffer.set_arg(0, memoryview(point))
    buffer.set_res(0, memoryview(result))

    def run() -> Any:
        evaluate()
        return result

    run.kept = (buffer, point)  # type: ignore[attr-defined]
    return run


def evaluation(problem: Sparse, x: Any) -> None:
    """Milliseconds for the entries alone, compiled; and for one Hessian-vector product."""
    compute = jax.jit(lambda at: osculate.hessian(problem.function, output="sparse")(at).data)
    print(f"  osculate's first evaluation                  {seconds_of(lambda: compute(x)):10.3f} s", flush=True)
    product = jax.jit(lambda at: jax.jvp(jax.grad(problem.function), (at,), (at,))[1])
    runs = {"osculate": lambda: compute(x), "product": lambda: product(x), "asdex": asdex_values(problem, x)}
    runs |= casadi_values(problem, x)
    times = dict(zip(runs, medians(list(runs.values()), seconds=3), strict=True))
    ours = times.pop("osculate")
    print(f"  evaluation                                   {1e3 * ours:10.3f} ms")
    print(goal("  in Hessian-vector products", ours / times.pop("product"), "", problem.products, most=True))
    for name, taken in times.items():
        wanted = problem.evaluation if name == "asdex" else None
        print(goal(f"  {name} / osculate", taken / ours, "×", wanted, most=False), f"({1e3 * taken:.3f} ms)")
    csr = osculate.hessian(problem.function, output="sparse")
    csr(np.asarray(x))
    taken = medians([lambda: csr(np.asarray(x))], seconds=0.5)[0]
    print(f"  osculate's call to a scipy.sparse array      {1e3 * taken:10.3f} ms", flush=True)


def operator() -> None:
    """x⁴ + (Σx)²: all entries differ from zero, and products stay cheap."""
    import asdex  # pyright: ignore[reportMissingImports]

    print("x⁴ + (Σx)²")
    taken = []
    for size in (10**5, 10**6):
        x = np.random.default_rng(0).standard_normal(size)
        start = time.perf_counter()
        second = osculate.hessian_operator(low_rank)(x)
        made = time.perf_counter() - start
        taken.append(medians([lambda s=second, v=x: s @ v], seconds=1)[0])
        exact = 12 * x**3 + 2 * x.sum()
        error = np.abs(second @ x - exact).max() / np.abs(exact).max()
        print(f"  operator, n = {size:<9,} made in {made:6.3f} s, product {1e3 * taken[-1]:8.3f} ms, error {error:.0e}")
    print(goal("  time for ten times the unknowns", taken[1] / taken[0], "×", 15, most=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        colours = asdex.hessian_coloring(low_rank, jnp.zeros(1000)).num_colors
    print(f"  asdex's colours at n = 1,000: {colours}", flush=True)


def memory(chosen: str) -> None:
    """Each detection in a process of its own."""
    for problem in problems():
        for who in ("osculate", "asdex"):
            if problem.name.startswith(chosen):
                command = [sys.executable, __file__, "--grow", who, problem.name]
                grown = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
                wanted = MEGABYTES if who == "osculate" and problem.name.startswith("chain") else None
                print(goal(f"{problem.name}: {who}'s detection", grown, "MB", wanted, most=True), flush=True)


def grow(who: str, name: str) -> None:
    """The growth of this process, after a small problem has loaded all that is needed."""
    import asdex  # pyright: ignore[reportMissingImports]

    problem = next(p for p in problems() if p.name == name)
    detect = {"osculate": lambda f, x: osculate.sparsity(f)(x), "asdex": asdex.hessian_sparsity}[who]
    detect(low_rank, jnp.zeros(3))
    x = jnp.zeros(problem.size)
    print(growth(lambda: detect(problem.function, x)))


def main() -> int:
    match sys.argv[1:]:
        case ["--grow", who, name]:
            grow(who, name)
        case ["--memory", *rest]:
            memory(rest[0] if rest else "")
        case rest:
            chosen = rest[0] if rest else ""
            for problem in problems():
                if problem.name.startswith(chosen):
                    x = jnp.asarray(np.random.default_rng(0).standard_normal(problem.size))
                    detection(problem, x)
                    evaluation(problem, x)
            if "x⁴".startswith(chosen):
                operator()
    if MISSES:
        print(f"{len(MISSES)} missed")
    return int(bool(MISSES))


if __name__ == "__main__":
    sys.exit(main())
