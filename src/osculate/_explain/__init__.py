"""What derivatives say about a formula or a function: numbers, text, page and picture, apart."""

from __future__ import annotations

from .data import Curve, Place, Surface
from .explanation import Explanation, explain

__all__ = ["Curve", "Explanation", "Place", "Surface", "explain"]
