"""Full-batch gradient descent that keeps its sharpness, one compiled scan a segment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from numpy.typing import NDArray

Loss = Callable[..., jax.Array]
Segment = Callable[..., Any]


@dataclass(frozen=True)
class Checkpoint:
    """Where a run stands after ``step`` steps.

    Attributes
    ----------
    step : int
        Steps of gradient descent so far.
    parameters : pytree
        The parameters after them.
    losses : array
        The loss before each step of the segment that ends here.
    sharpness, error : float
        λ_max of the loss's Hessian here, as a Ritz value, and its residual bound.
    products : int
        Hessian-vector products that the sharpness took.
    """

    step: int
    parameters: Any
    losses: NDArray[np.floating[Any]]
    sharpness: float
    error: float
    products: int


def lanczos_top(
    product: Callable[[jax.Array], jax.Array], start: jax.Array, products: int
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Largest Ritz value after ``products`` steps from ``start`` (n,), its residual and its unit vector (n,).

    Lanczos with full reorthogonalisation (Golub and Van Loan, Matrix Computations, §10.1), a loop that can be compiled
    into the program that needs it. The residual ‖Hv − θv‖ = β_m |s_m| bounds the distance from θ to the nearest
    eigenvalue.
    """

    def step(basis: jax.Array, position: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        image = product(basis[position])
        diagonal = basis[position] @ image
        image = image - basis.T @ (basis @ image)
        image = image - basis.T @ (basis @ image)  # twice is enough (Parlett, The Symmetric Eigenvalue Problem, §6.9)
        length = jnp.linalg.norm(image)
        following = image / jnp.maximum(length, jnp.finfo(image.dtype).tiny)
        return basis.at[position + 1].set(following, mode="drop"), (diagonal, length)

    basis = jnp.zeros((products, start.size), start.dtype).at[0].set(start / jnp.linalg.norm(start))
    basis, (diagonal, length) = jax.lax.scan(step, basis, jnp.arange(products))
    values, vectors = jnp.linalg.eigh(jnp.diag(diagonal) + jnp.diag(length[:-1], 1) + jnp.diag(length[:-1], -1))
    top = basis.T @ vectors[:, -1]
    return values[-1], length[-1] * jnp.abs(vectors[-1, -1]), top / jnp.linalg.norm(top)


def compile_segment(loss: Loss, data: tuple[NDArray[Any], ...], *, every: int, products: int) -> Segment:
    """One compiled function (parameters, vector, η) → (parameters, losses, sharpness, residual, vector), in float32.

    It takes ``every`` steps of gradient descent in one ``lax.scan`` and then measures the sharpness from the last top
    eigenvector, which a segment turns only a little: a handful of products is enough. float32 is the precision networks
    are trained in; at the edge the path is chaotic, so more digits buy nothing.
    """
    arrays = tuple(jnp.asarray(array, jnp.float32) for array in data)

    @jax.jit
    def segment(parameters: Any, vector: jax.Array, learning_rate: jax.Array) -> Any:
        def step(parameters: Any, _: None) -> tuple[Any, jax.Array]:
            value, slope = jax.value_and_grad(loss)(parameters, *arrays)
            moved = jax.tree.map(lambda leaf, change: leaf - learning_rate * change, parameters, slope)
            return moved, value

        parameters, losses = jax.lax.scan(step, parameters, None, length=every)
        flat, unravel = ravel_pytree(parameters)
        _, product = jax.linearize(jax.grad(lambda flat: loss(unravel(flat), *arrays)), flat)
        return parameters, losses, *lanczos_top(product, vector, products)

    return segment


def descend(
    segment: Segment, parameters: Any, learning_rate: float, *, steps: int, every: int, products: int
) -> Iterator[Checkpoint]:
    """Gradient descent θ ← θ − η ∇loss(θ) for ``steps`` steps, yielding every ``every`` steps.

    ``segment`` was compiled for the same ``every`` and ``products``.
    """
    parameters = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), parameters)
    generator = np.random.default_rng(0)
    vector = np.zeros(sum(leaf.size for leaf in jax.tree.leaves(parameters)))
    for step in range(every, steps + 1, every):
        # a little noise, so that an eigenvector that overtakes the old one is never orthogonal to the start
        noise = generator.standard_normal(vector.shape)
        start = jnp.asarray(vector + 0.1 * noise / np.linalg.norm(noise), jnp.float32)
        parameters, losses, sharpness, residual, vector = segment(parameters, start, jnp.float32(learning_rate))
        vector = np.asarray(vector)
        yield Checkpoint(step, parameters, np.asarray(losses), float(sharpness), float(residual), products)
