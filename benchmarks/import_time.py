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
start, work = time.perf_counter(), time.process_time()
import osculate
print(time.perf_counter() - start, time.process_time() - work)
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - loaded}))
"""


def measure() -> tuple[float, float, set[str]]:
    """Seconds on the clock and of processor time that the import adds in a fresh process; the packages it loads."""
    # As an installed package is met: with its bytecode kept, whatever this shell says about that.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, env=environment)
    times, packages = done.stdout.splitlines()
    clock, work = map(float, times.split())
    return clock, work, set(packages.split())


def main() -> int:
    """Measure, print the table, and say by the exit status whether the goals are met."""
    measure()  # the first run writes the bytecode
    runs = [measure() for _ in range(RUNS)]
    clock, work = statistics.median(run[0] for run in runs), statistics.median(run[1] for run in runs)
    heavy = sorted(set(HEAVY) & runs[-1][2])
    print(f"{'import osculate, JAX loaded already':<40}{'result':>10}  goal")
    print(f"{'on the clock (longer on a busy machine)':<40}{clock:>8.3f} s  ≤ {GOAL} s  {verdict(clock <= GOAL)}")
    print(f"{'of processor time':<40}{work:>8.3f} s  ≤ {GOAL} s  {verdict(work <= GOAL)}")
    print(f"{'optional packages loaded':<40}{' '.join(heavy) or 'none':>10}  none     {verdict(not heavy)}")
    print(f"(medians of {RUNS} processes)")
    return int(clock > GOAL or bool(heavy))


def verdict(met: bool) -> str:
    """OK or MISS."""
    return "OK" if met else "MISS"


if __name__ == "__main__":
    sys.exit(main())
