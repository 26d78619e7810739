"""Options of a call that are one of a few words."""

from __future__ import annotations

from collections.abc import Sequence

from osculate._errors import WrongInput

OUTPUTS = ("tree", "matrix", "sparse")
"""What a Hessian can be returned as."""


def require(asked: str, name: str, got: object, known: Sequence[str]) -> None:
    """Refuse an option that is not among the known ones."""
    if got not in known:
        options = " or ".join(f'"{k}"' for k in known)
        raise WrongInput(asked, f"{name} must be {options}, not {got!r}", remedy=f'{name}="{known[0]}"')
