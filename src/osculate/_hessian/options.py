"""Options of a call that are one of a few words."""

from __future__ import annotations

from collections.abc import Sequence

from osculate._errors import WrongInput

OUTPUTS = ("tree", "matrix", "sparse")
"""What a Jacobian can be returned as."""

SPARSE = ("sparse", "lower")
"""Forms of a Hessian that hold the entries of its pattern alone: all of them, or those with row ≥ column."""

HESSIANS = (*OUTPUTS, "lower")
"""What a Hessian can be returned as."""


def require(asked: str, name: str, got: object, known: Sequence[str]) -> None:
    """Refuse an option that is not among the known ones."""
    if got not in known:
        options = " or ".join(f'"{k}"' for k in known)
        raise WrongInput(asked, f"{name} must be {options}, not {got!r}", remedy=f'{name}="{known[0]}"')
