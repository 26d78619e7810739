"""A program for Ipopt, through cyipopt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cyipopt  # pyright: ignore[reportMissingImports]

from .derivatives import Derivatives
from .limits import Vector


class Problem(cyipopt.Problem):  # pyright: ignore
    """A ``cyipopt.Problem`` that knows its start and the shape of its unknowns.

    Attributes
    ----------
    x0 : ndarray, shape (n,)
        The start as one vector: ``problem.solve(problem.x0)``.
    unravel : callable
        From a vector to a tree like the start.
    derivatives : Derivatives
        What is computed, with the number of calls.
    """

    x0: Vector
    unravel: Callable[[Vector], Any]
    derivatives: Derivatives

    def __new__(cls, derivatives: Derivatives, *limits: Vector) -> Problem:
        """Four vectors of limits: lower and upper ones of the unknowns, then of the constraints."""
        sizes = len(derivatives.start), derivatives.count
        return super().__new__(cls, *sizes, Callbacks(derivatives), *limits)

    def __init__(self, derivatives: Derivatives, *limits: Vector) -> None:
        """The callbacks were given when it was made."""
        sizes = len(derivatives.start), derivatives.count
        super().__init__(*sizes, Callbacks(derivatives), *limits)
        self.derivatives, self.x0, self.unravel = derivatives, derivatives.start, derivatives.unravel


class Callbacks:
    """The names that cyipopt calls."""

    def __init__(self, derivatives: Derivatives) -> None:
        """Each callback is a function of ``derivatives``."""
        self.objective = derivatives.value
        self.gradient = derivatives.gradient
        self.constraints = derivatives.constraints
        self.jacobian = derivatives.jacobian
        self.hessian = derivatives.hessian
        self._derivatives = derivatives

    def jacobianstructure(self) -> Any:
        """Rows and columns of the Jacobian."""
        return self._derivatives.jacobian_pattern

    def hessianstructure(self) -> Any:
        """Rows and columns of the lower triangle."""
        return self._derivatives.hessian_pattern
