"""The warning at a point where the function is not differentiable."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from typing import Any

from osculate._errors import is_user_file, user_location
from osculate._trace import Trace, is_traced

from .walk import kinks

_MOST = 3


def warn_of_kinks(asked: str, trace: Trace, values: Sequence[Any], order: int | None = None) -> None:
    """Issue one ``RuntimeWarning`` if the program is not differentiable at ``values``; say which branch was taken.

    Nothing is said inside JAX's transformations, where there are no values to judge.
    """
    if is_traced(values, [value for _, value in trace.constants]):
        return
    found = kinks(trace, values, order)
    if not found:
        return
    lines = [f"{asked}: the function is not differentiable at this point"]
    for kink in found[:_MOST]:
        where = kink.where or user_location()
        lines.append(f"  {kink}" + (f"\n  where: {where}" if where else ""))
    if len(found) > _MOST:
        lines.append(f"  and {len(found) - _MOST} more such places")
    lines.append(
        "  now: use the derivatives as those of the branch named, or move the point off the tie; "
        'warnings.simplefilter("ignore", RuntimeWarning) silences this'
    )
    warnings.warn("\n".join(lines), RuntimeWarning, stacklevel=_stacklevel())


def _stacklevel() -> int:
    """The level of the user's own frame, as ``warnings.warn`` counts from its caller."""
    level, frame = 1, sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
    while frame is not None and not is_user_file(frame.f_code.co_filename):
        level, frame = level + 1, frame.f_back
    return level
