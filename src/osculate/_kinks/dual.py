"""What is known of an array at a point: its value, how it moves, and where a condition is about to flip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Tie:
    """Where the outputs of a node are not differentiable: a mask for each output concerned, and what is said of it."""

    masks: dict[int, np.ndarray]
    sentence: str


@dataclass(frozen=True, eq=False)
class Dual:
    """One array of the program.

    ``tangent`` is its derivative in one random direction, None where it does not depend on the inputs. ``edge`` marks
    the entries of a condition whose comparison is between equals that move apart. ``pending`` holds the place of a
    square root at 0 that becomes harmless if it is only ever squared.
    """

    value: Any
    tangent: np.ndarray | None = None
    edge: np.ndarray | None = None
    pending: int | None = None

    @property
    def moving(self) -> bool:
        """Whether it depends on the inputs."""
        return self.tangent is not None

    def slope(self) -> np.ndarray:
        """The tangent with zeros written out."""
        return np.zeros(np.shape(self.value)) if self.tangent is None else self.tangent


def counted(mask: np.ndarray) -> str:
    """How many entries, as in "at 2 of 5 entries"; nothing where there is just one."""
    return "" if mask.size == 1 else f" at {int(mask.sum())} of {mask.size} entries"


def differ(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """Where two tangents differ by more than rounding."""
    return np.abs(one - two) > 1e-5 * (np.abs(one) + np.abs(two))
