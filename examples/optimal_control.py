"""Goddard's rocket: the highest flight of a sounding rocket, as a nonlinear program with 10,005 unknowns for Ipopt.

The thrust is sought that lifts a rocket highest, against drag in a thinning atmosphere and weakening gravity. The
trapezoidal rule on 2,500 steps turns the equations of motion into constraints that tie neighbouring times together.
Dolan, Moré and Munson, *Benchmarking optimization software with COPS 3.0* (2004), problem 10, give the final altitude
1.01283. Run: python examples/optimal_control.py [folder]   (needs the extra ipopt: python -m pip install
"osculate[ipopt]")
"""

import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from osculate import optimize

STEPS = 2500
START_MASS, FINAL_MASS, MOST_THRUST = 1.0, 0.6, 3.5
EXHAUST = 0.5  # speed of the exhaust: mass lost per impulse is its inverse
DRAG, THINNING = 310.0, 500.0


def motion(state):
    """Time derivatives of altitude, speed and mass, at all times."""
    h, v, m, thrust = state["h"], state["v"], state["m"], state["thrust"]
    drag = DRAG * v**2 * jnp.exp(-THINNING * (h - 1))
    return {"h": v, "v": (thrust - drag) / m - 1 / h**2, "m": -thrust / EXHAUST}


def defects(x):
    """By how much each step of the trapezoidal rule is missed; zero for a flight."""
    slope = motion(x)
    return {k: x[k][1:] - x[k][:-1] - x["step"] / 2 * (slope[k][1:] + slope[k][:-1]) for k in slope}


def program(steps):
    """The program and a start: nothing but limits, a parabola for the speed and half thrust."""
    t = np.linspace(0, 1, steps + 1)
    inner = np.full(steps - 1, np.inf)
    lower = {
        "h": np.ones(steps + 1),
        "v": np.zeros(steps + 1),
        "m": np.concatenate([[START_MASS], np.full(steps, FINAL_MASS)]),
        "thrust": 0.0 * t,
        "step": 0.0,
    }
    upper = {
        "h": np.concatenate([[1.0], inner, [np.inf]]),
        "v": np.concatenate([[0.0], inner, [np.inf]]),
        "m": np.concatenate([np.full(steps, START_MASS), [FINAL_MASS]]),
        "thrust": np.full(steps + 1, MOST_THRUST),
        "step": np.inf,
    }
    start = {
        "h": np.ones(steps + 1),
        "v": t * (1 - t),
        "m": START_MASS + t * (FINAL_MASS - START_MASS),
        "thrust": np.full(steps + 1, MOST_THRUST / 2),
        "step": 1.0 / steps,
    }
    return optimize.nlp(lambda x: -x["h"][-1], (defects, 0, 0), (lower, upper)), start


def main(folder=None, steps=STEPS):
    """Solve it; altitude, message and the largest defect. With a folder and Matplotlib, a picture of the flight."""
    rocket, start = program(steps)
    began = time.perf_counter()
    problem = rocket.to_cyipopt(start)
    built = time.perf_counter() - began
    problem.add_option("print_level", 0)
    problem.add_option("sb", "yes")
    began = time.perf_counter()
    solution, info = problem.solve(problem.x0)
    solved = time.perf_counter() - began

    flight = problem.unravel(solution)
    with jax.enable_x64(True):
        missed = max(float(abs(part).max()) for part in jax.tree.leaves(defects(jax.tree.map(jnp.asarray, flight))))
    here = problem.derivatives
    print(f"unknowns {len(solution)}, equations {here.count}")
    print(f"entries of the Jacobian {len(here.jacobian_pattern[0])}, of the Hessian {len(here.hessian_pattern[0])}")
    print(f"read and compiled in {built:.2f} s, solved in {solved:.2f} s; calls {here.calls}")
    print(f"time in derivatives and values {here.seconds:.2f} s, {here.seconds / solved:.0%} of the solution")
    print(
        f"altitude {-info['obj_val']:.6f} (COPS: 1.01283), largest defect {missed:.1e}, {info['status_msg'].decode()}"
    )
    if folder is not None:
        picture(flight, Path(folder) / "optimal_control.png")
    return -info["obj_val"], info["status"], missed


def picture(flight, path):
    """Altitude, speed, mass and thrust over time, if Matplotlib is there."""
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        print("no picture: Matplotlib is not installed")
        return
    t = flight["step"] * np.arange(len(flight["h"]))
    figure, axes = plt.subplots(2, 2, figsize=(8, 5), sharex=True, layout="constrained")
    names = {"h": "altitude", "v": "speed", "m": "mass", "thrust": "thrust"}
    for axis, (key, name) in zip(axes.flat, names.items(), strict=True):
        axis.plot(t, flight[key], color="black", linewidth=1)
        axis.set_title(name)
    for axis in axes[1]:
        axis.set_xlabel("time")
    figure.savefig(path, dpi=120)
    plt.close(figure)
    print(f"picture: {path}")


if __name__ == "__main__":
    main(*sys.argv[1:2] or ["."])
