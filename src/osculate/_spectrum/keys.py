"""Where the random numbers of an estimator come from."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from osculate._errors import WrongType

# A stream of our own: a matrix that the user drew from numpy.random.default_rng(0) must be independent of key=0.
_STREAM = 0x05C1A7E


def generator(key: Any, asked: str) -> np.random.Generator:
    """Random generator of a key: the same key gives the same numbers.

    Parameters
    ----------
    key : int or JAX key
        A non-negative integer, a key of ``jax.random.key``, or a legacy key of ``jax.random.PRNGKey``.
    asked : str
        The public call, for the message of an error.

    Raises
    ------
    WrongType
        If ``key`` is anything else.
    """
    if isinstance(key, (int, np.integer)) and not isinstance(key, bool) and key >= 0:
        return np.random.default_rng([_STREAM, int(key)])
    words = _words(key)
    if words is None:
        raise WrongType(
            asked,
            f"`key` must be a non-negative integer or a JAX key, got {key!r}",
            remedy="pass an integer such as key=0, or jax.random.key(0)",
        )
    return np.random.default_rng([_STREAM, *words])


def _words(key: Any) -> list[int] | None:
    """The unsigned words that a JAX key is made of; ``None`` if it is not one key."""
    if not isinstance(key, (jax.Array, np.ndarray)):
        return None
    if jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
        data: npt.NDArray[Any] = np.asarray(jax.random.key_data(key))
    else:
        data = np.asarray(key)
    one_key = data.ndim == 1 and data.size > 0 and data.dtype == np.uint32
    return [int(word) for word in data] if one_key else None
