"""Indexing a JAX array by NumPy's rules: what is out of range raises, instead of being clamped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from .numpy_refusals import refusal


def item(value: Any, index: Any, operand: Callable[[Any], Any]) -> Any:
    """``value[index]``; ``operand`` unwraps thin arrays inside the index.

    An index that depends on the input cannot be checked: where it is out of range the result is NaN.

    Raises
    ------
    IndexError
        As NumPy raises it.
    Unreadable
        If a mask depends on the input, since the size of the result would too.
    """
    places = tuple(_place(one, operand) for one in (index if isinstance(index, tuple) else (index,)))
    moving = [one for one in places if isinstance(one, jax.Array)]
    if any(one.dtype == bool for one in moving):
        raise refusal(
            "a mask that depends on the input selects items, so the size of the result depends on it too",
            "use np.where(mask, x, 0), and weights instead of selections: np.sum(np.where(mask, x, 0))",
        )
    checked = tuple(np.zeros(one.shape, int) if isinstance(one, jax.Array) else one for one in places)
    np.broadcast_to(np.False_, value.shape)[checked]
    if moving:
        return value.at[places].get(mode="fill", fill_value=np.nan if np.issubdtype(value.dtype, np.inexact) else 0)
    return value[places]


def is_view(index: Any) -> bool:
    """Whether NumPy would answer with a view: integers, slices, ``...`` and ``None`` only."""
    return all(
        one is None or one is Ellipsis or (isinstance(one, (int, np.integer, slice)) and not isinstance(one, bool))
        for one in (index if isinstance(index, tuple) else (index,))
    )


def _place(one: Any, operand: Callable[[Any], Any]) -> Any:
    place = operand(one)
    if isinstance(one, (list, tuple)) and isinstance(place, np.ndarray) and place.size == 0:
        return place.astype(np.intp)  # an empty list selects nothing
    return place
