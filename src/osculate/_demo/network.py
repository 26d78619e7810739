"""The network of the demo: a tanh multilayer perceptron and its mean-square loss."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

Array = jax.Array | NDArray[Any]
Parameters = dict[str, dict[str, NDArray[np.float64]]]
"""Name of a layer → its ``weights`` (inputs, outputs) and ``biases`` (outputs,)."""


def initial_parameters(sizes: Sequence[int] = (64, 40, 20, 10), seed: int = 0) -> Parameters:
    """Weights and biases uniform in ±1/√inputs, drawn by NumPy so that they are the same on every machine.

    This common initialisation starts flat (η = 0.2 begins at half its threshold), so the climb to the edge is seen.
    """
    generator = np.random.default_rng(seed)
    parameters: Parameters = {}
    for layer, (inputs, outputs) in enumerate(pairwise(sizes), start=1):
        bound = 1 / np.sqrt(inputs)
        parameters[f"layer{layer}"] = {
            "weights": generator.uniform(-bound, bound, size=(inputs, outputs)),
            "biases": generator.uniform(-bound, bound, size=outputs),
        }
    return parameters


def outputs(parameters: Parameters, inputs: Array) -> jax.Array:
    """Output of the network, (N, 10): tanh between the layers, none after the last."""
    *hidden, last = (parameters[name] for name in sorted(parameters))
    activations = jnp.asarray(inputs)
    for layer in hidden:
        activations = jnp.tanh(activations @ layer["weights"] + layer["biases"])
    return activations @ last["weights"] + last["biases"]


def mean_square_loss(parameters: Parameters, inputs: Array, targets: Array) -> jax.Array:
    """(1/N) Σₙ ‖network(xₙ) − yₙ‖²: the squared error summed over the ten outputs, averaged over the samples.

    The normalisation decides where the edge lies: with a further ½, or a mean over the outputs too, the Hessian is 2
    or 10 times smaller and the same step sizes stay below their threshold.
    """
    error = outputs(parameters, inputs) - targets
    return jnp.mean(jnp.sum(error * error, axis=1))
