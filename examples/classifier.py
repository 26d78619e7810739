"""The curvature of a classifier in training, on real data: what its Hessian says about the step size.

Softmax regression on scikit-learn's digits, trained by gradient descent; then its report. Needs the extra ``demo``.
Run: python examples/classifier.py [FOLDER]
"""

import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.datasets import load_digits

import osculate

LEARNING_RATE = 0.5


def loss(parameters, images, labels):
    """Mean cross-entropy, with a ridge that makes the minimum unique."""
    scores = images @ parameters["weights"] + parameters["biases"]
    chosen = jnp.take_along_axis(jax.nn.log_softmax(scores), labels[:, None], 1)
    return -jnp.mean(chosen) + 1e-3 * jnp.sum(parameters["weights"] ** 2)


def main(folder="osculate-classifier"):
    """Train, report, and say whether the step size is safe."""
    images, labels = load_digits(return_X_y=True)
    images, labels = jnp.asarray(images / 16), jnp.asarray(labels)
    parameters = {"weights": jnp.zeros((64, 10)), "biases": jnp.zeros(10)}
    step = jax.jit(lambda p: jax.tree.map(lambda v, g: v - LEARNING_RATE * g, p, jax.grad(loss)(p, images, labels)))
    for _ in range(300):
        parameters = step(parameters)
    parameters = jax.tree.map(np.asarray, parameters)
    report = osculate.report(loss, parameters, np.asarray(images), np.asarray(labels), learning_rate=LEARNING_RATE)
    print(report.verdict)
    print("report:", report.save(Path(folder) / "report.html"))
    return report


if __name__ == "__main__":
    main(*sys.argv[1:])
