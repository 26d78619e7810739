"""Formulas as people write them, read by a whitelist of names and operators, never by ``eval``."""

from __future__ import annotations

from .formula import Formula, parse
from .points import Window, parse_point, parse_window

__all__ = ["Formula", "Window", "parse", "parse_point", "parse_window"]
