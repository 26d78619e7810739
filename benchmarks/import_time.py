"""How long ``import osculate`` takes when JAX is loaded already, and what else it loads.

Each measurement is a fresh process; the figure is the median.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys

RUNS = 9
GOAL = 0.1
HEAVY = ("jinja2", "matplotlib", "rich", "sklearn", "sympy", "torch", "typer")

PROGRAM = """
import sys, time
import jax, jax.numpy
loaded = set(sys.modules)
start = time.perf_counter()
import osculate
print(time.perf_counter() - start)
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - loaded}))
"""


def measure() -> tuple[float, set[str]]:
    """Seconds that the import adds in a fresh process, and the packages it loads."""
    # As an installed package is met: with its bytecode kept, whatever this shell says about that.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, env=environment)
    seconds, packages = done.stdout.splitlines()
    return float(seconds), set(packages.split())


def main() -> int:
    """Measure, print the table, and say by the exit status whether both goals are met."""
    measure()  # the first run writes the bytecode
    runs = [measure() for _ in range(RUNS)]
    seconds = statistics.median(time for time, _ in runs)
    spread = f"{min(time for time, _ in runs):.3f} to {max(time for time, _ in runs):.3f} s in {RUNS} processes"
    heavy = sorted(set(HEAVY) & runs[-1][1])
    print(f"{'measured':<42}{'result':>12}  {'goal':<10}{'':<5}")
    print(
        f"{'import osculate, JAX loaded already':<42}{seconds:>10.3f} s  {f'≤ {GOAL} s':<10}{verdict(seconds <= GOAL)}"
    )
    print(f"{'optional packages loaded by it':<42}{' '.join(heavy) or 'none':>12}  {'none':<10}{verdict(not heavy)}")
    print(f"({spread})")
    return int(seconds > GOAL or bool(heavy))


def verdict(met: bool) -> str:
    """OK or MISS."""
    return "OK" if met else "MISS"


if __name__ == "__main__":
    sys.exit(main())
