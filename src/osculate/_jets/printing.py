"""A polynomial as a line of text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

_MOST_TERMS = 60


def polynomial_text(
    coefficients: np.ndarray[Any, Any], alphas: Sequence[tuple[int, ...]], center: Sequence[Any], names: Sequence[str]
) -> str:
    """Σ_α c_α (x − center)^α, without the terms that are zero; very long ones end with how many are left."""
    bases = [_base(name, c) for name, c in zip(names, center, strict=True)]
    terms: list[str] = []
    shown = [(c, alpha) for c, alpha in zip(coefficients, alphas, strict=True) if c != 0]
    for c, alpha in shown[:_MOST_TERMS]:
        power = " ".join(base if k == 1 else f"{base}^{k}" for base, k in zip(bases, alpha, strict=True) if k)
        if np.iscomplexobj(c):
            terms.append(f"+ ({c:.6g}) {power}".rstrip())
            continue
        size = "" if abs(c) == 1 and power else f"{abs(c):.6g}"
        terms.append(f"{'-' if c < 0 else '+'} {' '.join(part for part in (size, power) if part)}")
    text = " ".join(terms) or "+ 0"
    text = text[2:] if text.startswith("+ ") else "-" + text[2:]
    return text if len(shown) <= _MOST_TERMS else f"{text} + … ({len(shown) - _MOST_TERMS} more terms)"


def _base(name: str, center: Any) -> str:
    if center == 0:
        return name
    if isinstance(center, complex):
        return f"({name} - ({center:g}))"
    return f"({name} {'-' if center > 0 else '+'} {abs(center):g})"
