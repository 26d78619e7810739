"""Products of flat vectors with a symmetric matrix: linearised by JAX, or a function from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from osculate._errors import WrongInput
from osculate._linear import DEFAULT_MEMORY, applied, columns


@dataclass(frozen=True)
class Product:
    """A linear function of JAX: ``linear`` is a ``jax.tree_util.Partial`` that carries its arrays as arguments.

    The compiled programs below are therefore shared by all operators of the same function, wherever they were made.
    """

    linear: Callable[[jax.Array], jax.Array]
    size: int
    dtype: Any

    def vector(self, v: jax.Array) -> jax.Array:
        """Product with a vector (n,)."""
        return _vector(self.linear, v)

    def matrix(self, V: jax.Array) -> jax.Array:
        """Products with the columns of a matrix (n, m), side by side in bounded memory."""
        return _matrix(self.linear, V)

    def whole(self, memory: int) -> jax.Array:
        """The (n, n) matrix."""
        return _whole(self.linear, self.size, self.dtype, memory)

    def block(self, start: int, stop: int) -> Product:
        """The diagonal block of the variables from ``start`` to ``stop``."""
        linear = jax.tree_util.Partial(_Block(start, stop, self.size), self.linear)
        return Product(linear, stop - start, self.dtype)


@jax.jit
def _vector(linear: Callable[[jax.Array], jax.Array], v: jax.Array) -> jax.Array:
    return linear(v)


@jax.jit
def _matrix(linear: Callable[[jax.Array], jax.Array], V: jax.Array) -> jax.Array:
    return applied(linear, V, DEFAULT_MEMORY)


@partial(jax.jit, static_argnums=(1, 2, 3))
def _whole(linear: Callable[[jax.Array], jax.Array], size: int, dtype: Any, memory: int) -> jax.Array:
    return columns(linear, size, dtype, memory)


@dataclass(frozen=True)
class _Block:
    """Equal by value, so that a compiled block is found again: a closure would be new each time."""

    start: int
    stop: int
    size: int

    def __call__(self, linear: Callable[[jax.Array], jax.Array], v: jax.Array) -> jax.Array:
        return linear(jnp.pad(v, (self.start, self.size - self.stop)))[self.start : self.stop]


@dataclass(frozen=True)
class HostProduct:
    """A product from elsewhere: ``matvec`` takes and returns what NumPy can read."""

    matvec: Callable[[Any], Any]
    size: int
    dtype: Any

    def vector(self, v: Any) -> np.ndarray[Any, Any]:
        """Product with a vector (n,)."""
        product = np.asarray(self.matvec(np.asarray(v, self.dtype)))
        if product.shape != (self.size,):
            raise WrongInput(
                "CurvatureOperator @ v",
                f"the product given to from_product returned shape {list(product.shape)} for a vector of {self.size}",
                remedy=f"return a flat array of shape ({self.size},)",
            )
        return product.astype(self.dtype, copy=False)

    def matrix(self, V: Any) -> np.ndarray[Any, Any]:
        """Products with the columns of a matrix (n, m), one after the other."""
        products = np.empty(V.shape, self.dtype)
        for j in range(V.shape[1]):
            products[:, j] = self.vector(V[:, j])
        return products

    def whole(self, memory: int) -> np.ndarray[Any, Any]:
        """The (n, n) matrix."""
        del memory  # one column at a time
        return self.matrix(np.eye(self.size, dtype=self.dtype))
