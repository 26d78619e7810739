"""Points where a program is not differentiable: found, named, and said."""

from .said import warn_of_kinks
from .walk import Kink, kinks

__all__ = ["Kink", "kinks", "warn_of_kinks"]
