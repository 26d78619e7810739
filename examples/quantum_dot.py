"""Variational Monte Carlo for two electrons in a harmonic trap, where the exact energy is known: 3.

The local energy −½ (Δ log ψ + |∇ log ψ|²) + V needs a Laplacian at every walker, ``osculate.pde`` gives it with the
gradient from one pass. At ω = 1 the ground state is ψ = (1 + r₁₂) exp(−(r₁² + r₂²)/2) (Taut, Phys. Rev. A 48, 1993):
its local energy must be 3 everywhere. A wave function with a small network is then trained from far off.
Run: python examples/quantum_dot.py [folder]
"""

import sys
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

from osculate import pde

WALKERS, WIDTH = 512, 16


def distances(r):
    """Distances of both electrons from the centre, squared and summed, and from each other; r is (x₁, y₁, x₂, y₂)."""
    return jnp.sum(r**2), jnp.sqrt(jnp.sum((r[:2] - r[2:]) ** 2))


def exact(_, r):
    """The logarithm of Taut's wave function."""
    spread, apart = distances(r)
    return jnp.log1p(apart) - spread / 2


def start(key):
    """Parameters: a width, and a network that begins as zero."""
    first, second = jax.random.split(key)
    hidden = jax.random.normal(first, (2, WIDTH)) / 2, jax.random.normal(second, (WIDTH,))
    return {"width": jnp.asarray(0.7), "range": jnp.asarray(1.0), "hidden": hidden, "last": jnp.zeros(WIDTH)}


def ansatz(p, r):
    """The right cusp where the electrons meet, a Gaussian, and a network in symmetric variables."""
    spread, apart = distances(r)
    jastrow = apart / (1 + p["range"] ** 2 * apart)
    w, b = p["hidden"]
    # apart² and not apart, so that the network leaves the cusp alone
    bend = jnp.tanh(jnp.stack([spread, apart**2 / (1 + apart**2)]) @ w + b) @ p["last"]
    return jastrow + bend - p["width"] * spread / 2


def local_energy(log_wave, p, walkers):
    """−½ (Δ log ψ + |∇ log ψ|²) + ½ (r₁² + r₂²) + 1/r₁₂ at each walker."""

    def one(r):
        _, slope, laplacian = pde.value_gradient_laplacian(log_wave, argnums=1)(p, r)
        spread, apart = distances(r)
        return -0.5 * (laplacian + slope @ slope) + 0.5 * spread + 1 / apart

    return jax.vmap(one)(walkers)


def walk(log_wave, p, walkers, key, steps=20):
    """Metropolis: moves that |ψ|² accepts."""
    size = jax.vmap(lambda r: 2 * log_wave(p, r))

    def move(state, key):
        walkers, weight = state
        step, choose = jax.random.split(key)
        moved = walkers + 0.6 * jax.random.normal(step, walkers.shape)
        new = size(moved)
        accept = jnp.log(jax.random.uniform(choose, weight.shape)) < new - weight
        return (jnp.where(accept[:, None], moved, walkers), jnp.where(accept, new, weight)), None

    return jax.lax.scan(move, (walkers, size(walkers)), jax.random.split(key, steps))[0][0]


def train(iterations=300):
    """Parameters, walkers, and the energy with its standard error at each iteration."""
    key = jax.random.key(0)
    p, walkers = start(key), jax.random.normal(key, (WALKERS, 4))
    optimizer = optax.adam(optax.cosine_decay_schedule(0.03, iterations))

    @jax.jit
    def step(p, memory, walkers, key):
        walkers = walk(ansatz, p, walkers, key)
        energies = local_energy(ansatz, p, walkers)
        centred = energies - jnp.mean(energies)  # the gradient of the energy is a covariance
        gradient = jax.grad(lambda p: 2 * jnp.mean(centred * jax.vmap(lambda r: ansatz(p, r))(walkers)))(p)
        update, memory = optimizer.update(gradient, memory, p)
        return optax.apply_updates(p, update), memory, walkers, jnp.mean(energies), jnp.std(energies) / WALKERS**0.5

    memory, history = optimizer.init(p), []
    for i in range(iterations):
        p, memory, walkers, energy, error = step(p, memory, walkers, jax.random.fold_in(key, i))
        history.append((float(energy), float(error)))
    return p, walkers, np.array(history)


def draw_picture(history, spreads, path):
    """The energy during training, and the local energies at the end."""
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    iteration = np.arange(len(history))
    left.fill_between(
        iteration, history[:, 0] - history[:, 1], history[:, 0] + history[:, 1], color="#4477aa", alpha=0.3
    )
    left.plot(iteration, history[:, 0], color="#4477aa", label="energy ± standard error")
    left.axhline(3, color="#ee6677", linestyle="--", label="exact")
    left.set(xlabel="iteration", title="energy", ylim=(2.95, 3.35))
    left.legend(frameon=False)
    for name, colour in (("before", "#bbbbbb"), ("after", "#4477aa")):
        right.hist(spreads[name], bins=np.linspace(2, 4, 81), color=colour, alpha=0.8, label=f"{name} training")
    right.axvline(3, color="#ee6677", linestyle="--")
    right.set(xlabel="local energy", title="walkers")
    right.legend(frameon=False)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main(folder=".", iterations=300):
    """Check the exact wave, train the network, draw; energy, its standard error, and the exact wave's deviation."""
    with jax.enable_x64():
        key = jax.random.key(1)
        some = jax.jit(lambda walkers: walk(exact, None, walkers, key, 200))(jax.random.normal(key, (WALKERS, 4)))
        deviation = float(jnp.max(jnp.abs(jax.jit(partial(local_energy, exact, None))(some) - 3)))
        print(f"local energy of the exact wave: 3 to {deviation:.1g} at {WALKERS} walkers")
        p, walkers, history = train(iterations)
        spreads = {"before": np.asarray(jax.jit(partial(local_energy, ansatz))(start(jax.random.key(0)), some))}

        def sample(walkers, key):
            walkers = walk(ansatz, p, walkers, key)
            return walkers, local_energy(ansatz, p, walkers)

        samples = np.asarray(jax.jit(lambda w: jax.lax.scan(sample, w, jax.random.split(key, 40))[1])(walkers))
        spreads["after"] = samples[-1]
        energy, error = np.mean(samples), np.std(samples) / np.sqrt(np.size(samples))
        print(f"energy {history[0, 0]:.3f} to {energy:.5f} ± {error:.5f}; exact 3")
        draw_picture(history, spreads, Path(folder) / "quantum_dot.png")
    return energy, error, deviation


if __name__ == "__main__":
    main(*sys.argv[1:])
