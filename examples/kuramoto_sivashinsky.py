"""A network that solves the Kuramoto–Sivashinsky equation u_t + u u_x + u_xx + u_xxxx = 0.

The loss holds a fourth derivative of the network, and training needs its gradient in all weights. ``osculate.partial``
gives u, u_t, u_x, u_xx and u_xxxx at all points from one pass, and JAX differentiates through it. There is an exact
travelling wave to compare with (Kudryashov, J. Appl. Math. Mech. 52, 1988).
Run: python examples/kuramoto_sivashinsky.py [folder]
"""

import sys
from itertools import pairwise
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from scipy.optimize import minimize

import osculate

SPEED, START, HALF_WIDTH, DURATION = 2.0, -1.0, 10.0, 1.0
WIDTHS = (2, 24, 24, 24, 1)


def exact(x, t):
    """The travelling wave."""
    front = jnp.tanh(0.5 * np.sqrt(11 / 19) * (x - SPEED * t - START))
    return SPEED + 15 / 19 * np.sqrt(11 / 19) * (-9 * front + 11 * front**3)


def network(weights, points):
    """U at points (x, t), one a row."""
    values = points / np.array([HALF_WIDTH / 2, DURATION])
    *hidden, (last, bias) = weights
    for w, b in hidden:
        values = jnp.tanh(values @ w + b)
    return (values @ last + bias)[:, 0]


def residual(u, points, *weights):
    """Left-hand side of the equation at each point; the multi-indices count derivatives in x and in t."""
    orders = [(0, 0), (0, 1), (1, 0), (2, 0), (4, 0)]
    at = osculate.partial(u, orders, argnums=len(weights))
    value, u_t, u_x, u_xx, u_xxxx = at(*weights, points)
    return u_t + value * u_x + u_xx + u_xxxx


def loss(weights, inside, first, edges):
    """Mean squares: of the residual inside, of the distance to the wave at t = 0 and at both ends."""
    apart = network(weights, first) - exact(first[:, 0], first[:, 1])
    at_edges = network(weights, edges) - exact(edges[:, 0], edges[:, 1])
    return jnp.mean(residual(network, inside, weights) ** 2) + 10 * jnp.mean(apart**2) + 10 * jnp.mean(at_edges**2)


def train(iterations=1500):
    """Weights after L-BFGS, and the loss along the way."""
    draw = np.random.default_rng(0)
    inside = draw.uniform([-HALF_WIDTH, 0], [HALF_WIDTH, DURATION], (600, 2))
    first = np.stack([np.linspace(-HALF_WIDTH, HALF_WIDTH, 101), np.zeros(101)], 1)
    edges = np.array([(side * HALF_WIDTH, t) for side in (-1, 1) for t in np.linspace(0, DURATION, 21)])
    start, unravel = ravel_pytree([(draw.normal(size=(n, m)) / np.sqrt(n), np.zeros(m)) for n, m in pairwise(WIDTHS)])
    slope = jax.jit(jax.value_and_grad(lambda flat: loss(unravel(flat), inside, first, edges)))
    history = []

    def step(flat):
        value, gradient = slope(flat)
        history.append(float(value))
        return float(value), np.asarray(gradient)

    options = {"maxiter": iterations, "maxcor": 30, "maxfun": 10 * iterations, "ftol": 0, "gtol": 1e-9}
    end = minimize(step, np.asarray(start), jac=True, method="L-BFGS-B", options=options)
    return unravel(end.x), history


def draw_picture(weights, history, path):
    """The network and the wave at three times, and the loss."""
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    x = np.linspace(-HALF_WIDTH, HALF_WIDTH, 400)
    for t, colour in zip((0, DURATION / 2, DURATION), ("#4477aa", "#ccbb44", "#ee6677"), strict=True):
        left.plot(x, network(weights, np.stack([x, np.full_like(x, t)], 1)), color=colour, label=f"t = {t:g}")
        left.plot(x[::20], exact(x[::20], t), "o", color=colour, markersize=3)
    left.set(xlabel="x", ylabel="u", title="network (lines) and exact wave (dots)")
    left.legend(frameon=False)
    right.semilogy(np.minimum.accumulate(history), color="#4477aa")
    right.set(xlabel="evaluations of the loss", title="loss")
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main(folder=".", iterations=1500):
    """Train, compare, draw; the largest error of the network and the residual of the exact wave."""
    with jax.enable_x64():
        weights, history = train(iterations)
        grid = np.stack(np.meshgrid(np.linspace(-HALF_WIDTH, HALF_WIDTH, 81), np.linspace(0, DURATION, 11)), -1)
        points = jnp.asarray(grid.reshape(-1, 2))
        error = float(jnp.max(jnp.abs(network(weights, points) - exact(points[:, 0], points[:, 1]))))
        check = float(jnp.max(jnp.abs(residual(lambda p: exact(p[:, 0], p[:, 1]), points))))
        print(f"loss {history[0]:.3g} to {min(history):.3g}; largest error {error:.2g} of a wave between 0.1 and 3.9")
        print(f"residual of the exact wave, by the same derivatives: {check:.1g}")
        draw_picture(weights, history, Path(folder) / "kuramoto_sivashinsky.png")
    return error, check


if __name__ == "__main__":
    main(*sys.argv[1:])
