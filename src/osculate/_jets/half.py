"""Half precision is refused: its series would be numbers without digits."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from osculate._arguments import Point
from osculate._errors import WrongType

_HALF = (np.dtype(np.float16), np.dtype(jnp.bfloat16))


def refuse_half_precision(here: Point) -> None:
    """Refuse float16 and bfloat16 primals: three digits are gone after a few orders, and 9! overflows float16.

    What the function does inside is its own affair: it may convert to half precision and back.
    """
    for i, primal in enumerate(here.primals):
        for leaf in jax.tree.leaves(primal):
            if leaf.dtype in _HALF:
                name = f"argument {i}" if len(here.primals) > 1 else "the point"
                digits = "three" if leaf.dtype == np.float16 else "two"
                raise here.error(
                    WrongType,
                    f"{name} is {leaf.dtype}{list(leaf.shape)}, which has {digits} digits: "
                    "rounding would drown every order but the first",
                    "convert it: x.astype(jnp.float32)",
                )
