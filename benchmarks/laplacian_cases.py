"""Functions whose Laplacians are compared: a network, attention, layer norm, a many-electron wave function."""

from __future__ import annotations

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

WIDTH = 32
DETERMINANTS = 4


def network(sizes: tuple[int, ...], seed: int = 0) -> list[tuple[jax.Array, jax.Array]]:
    """Weights of a tanh network."""
    rng = np.random.default_rng(seed)
    return [
        (jnp.asarray(rng.normal(size=(a, b)) / np.sqrt(a), jnp.float32), jnp.asarray(rng.normal(size=b), jnp.float32))
        for a, b in itertools.pairwise(sizes)
    ]


def apply(parameters: Any, x: jax.Array) -> jax.Array:
    """The network of one point or of rows."""
    for weights, bias in parameters[:-1]:
        x = jnp.tanh(x @ weights + bias)
    weights, bias = parameters[-1]
    return (x @ weights + bias)[..., 0]


def attention_parameters(features: int, seed: int = 0) -> dict[str, jax.Array]:
    """Weights of one attention block with layer norm."""
    rng = np.random.default_rng(seed)
    shapes = {"in": (3, features), "q": (features, features), "k": (features, features), "v": (features, features)}
    shapes |= {"mix": (features, features), "out": (features, 1)}
    return {
        name: jnp.asarray(rng.normal(size=shape) / np.sqrt(shape[0]), jnp.float32) for name, shape in shapes.items()
    }


def norm(h: jax.Array) -> jax.Array:
    """Layer norm."""
    h = h - h.mean(-1, keepdims=True)
    return h / jnp.sqrt((h**2).mean(-1, keepdims=True) + 1e-5)


def attention(parameters: Any, x: jax.Array) -> jax.Array:
    """One block of attention between particles; x is flat."""
    h = jnp.tanh(x.reshape(-1, 3) @ parameters["in"])
    q, k, v = (h @ parameters[name] for name in "qkv")
    h = h + jax.nn.softmax(q @ k.T / np.sqrt(q.shape[-1])) @ v
    h = norm(h + jnp.tanh(norm(h) @ parameters["mix"]))
    return jnp.sum(jnp.tanh(h @ parameters["out"]))


def electron_parameters(electrons: int, seed: int = 0) -> dict[str, jax.Array]:
    """Weights of the wave function below."""
    rng = np.random.default_rng(seed)
    shapes = {"one": (4, WIDTH), "deep": (WIDTH, WIDTH), "mean": (WIDTH, WIDTH), "pair": (4, WIDTH)}
    shapes |= {"orbitals": (WIDTH, DETERMINANTS * electrons), "decay": (1, DETERMINANTS * electrons)}
    return {
        name: jnp.asarray(rng.normal(size=shape) / np.sqrt(shape[0]), jnp.float32) for name, shape in shapes.items()
    }


def wave_function(parameters: Any, x: jax.Array) -> jax.Array:
    """log|ψ| of electrons about one nucleus: features of each particle, their mean, pairs, cusps, determinants."""
    positions = x.reshape(-1, 3)
    count = positions.shape[0]
    distance = jnp.linalg.norm(positions, axis=-1, keepdims=True)
    h = jnp.tanh(jnp.concatenate([positions, distance], -1) @ parameters["one"])
    h = jnp.tanh(h @ parameters["deep"]) + h
    difference = positions[:, None] - positions[None]
    eye = jnp.eye(count)[..., None]
    apart = jnp.sqrt((difference**2).sum(-1, keepdims=True) + eye) * (1 - eye)
    pairs = jnp.tanh(jnp.concatenate([difference, apart], -1) @ parameters["pair"]).mean(1)
    h = jnp.tanh(h @ parameters["mean"] + h.mean(0, keepdims=True) + pairs)
    orbitals = (h @ parameters["orbitals"]) * jnp.exp(-distance * jax.nn.softplus(parameters["decay"]))
    matrices = jnp.moveaxis(orbitals.reshape(count, DETERMINANTS, count), 1, 0)
    sign, log = jnp.linalg.slogdet(matrices)
    top = jax.lax.stop_gradient(log.max())
    cusp = -0.25 * (apart / (1 + apart)).sum() / 2
    return jnp.log(jnp.abs((sign * jnp.exp(log - top)).sum())) + top + cusp
