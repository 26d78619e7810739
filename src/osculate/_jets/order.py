"""Orders that can be asked for."""

from __future__ import annotations

import operator
from typing import Any

from osculate._errors import WrongInput

HIGHEST_ORDER = 500
"""Above it a request is refused: the factorials left the doubles at 170, and every product of series costs order²."""


def checked_order(asked: str, order: Any, least: int = 1) -> int:
    """An order as an int."""
    try:
        n = operator.index(order)
    except TypeError:
        n = least - 1
    if isinstance(order, bool) or n < least:
        raise WrongInput(
            asked, f"the order must be an integer, at least {least}, not {order!r}", remedy=f"order={max(least, 1)}"
        )
    if n > HIGHEST_ORDER:
        raise WrongInput(
            asked,
            f"order {n:,} is above {HIGHEST_ORDER}: every array of the function would become {n + 1:,} coefficients, "
            f"every product in it {n * n // 2:,} products, and a derivative beyond order 170 is seldom a double",
            remedy=f"osculate.taylor(f, {HIGHEST_ORDER}) at most; low orders at several points cost less",
        )
    return n
