"""The warning at a point where the function is not differentiable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from osculate._errors import user_location, warn
from osculate._trace import Trace, is_traced

from .walk import kinks

_MOST = 3


def warn_of_kinks(asked: str, trace: Trace, values: Sequence[Any], order: int | None = None) -> bool:
    """Issue one ``RuntimeWarning`` if the program is not differentiable at ``values``; say which branch was taken.

    Nothing is said inside JAX's transformations, where there are no values to judge. The answer is whether it was said.
    """
    if is_traced(values, [value for _, value in trace.constants]):
        return False
    found = kinks(trace, values, order)
    if not found:
        return False
    lines = ["the function is not differentiable at this point"]
    for kink in found[:_MOST]:
        where = kink.where or user_location()
        lines.append(f"  {kink}" + (f"\n  where: {where}" if where else ""))
    if len(found) > _MOST:
        lines.append(f"  and {len(found) - _MOST} more such places")
    remedy = (
        "use the derivatives as those of the branch named, or move the point off the tie; "
        'warnings.simplefilter("ignore", RuntimeWarning) silences this'
    )
    warn(asked, "\n".join(lines), remedy=remedy)
    return True
