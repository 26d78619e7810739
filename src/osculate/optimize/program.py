"""A nonlinear program: minimise f(x) subject to limits on functions of x and on x itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np
from jax.flatten_util import ravel_pytree

from osculate._arguments import refuse_tracers
from osculate._errors import MissingExtra, WrongInput, WrongType

from .derivatives import Derivatives, derivatives, traced
from .limits import ASKED, Constraint, Vector, both, bounds_of, constraints_of


@dataclass(frozen=True, eq=False)
class NonlinearProgram:
    """Minimise f(x) subject to lower ≤ c(x) ≤ upper for each constraint and lower ≤ x ≤ upper; what ``nlp`` gives.

    Attributes
    ----------
    f : callable
        The objective.
    constraints : tuple of Constraint
        Each with ``.function``, ``.lower`` and ``.upper``.
    bounds : (lower, upper)
        Limits on the unknowns, as they were given.
    """

    f: Callable[..., Any]
    constraints: tuple[Constraint, ...]
    bounds: tuple[Any, Any] = field(repr=False)

    def to_cyipopt(self, x0: Any) -> Any:
        """The program as a ``cyipopt.Problem`` for Ipopt, with exact sparse derivatives.

        Parameters
        ----------
        x0 : pytree of arrays
            The start; it gives the unknowns their number and shape.

        Returns
        -------
        cyipopt.Problem
            Ready: ``x, info = problem.solve(problem.x0)``. It has all of cyipopt's callbacks: the Jacobian of the
            constraints and the lower triangle of σ ∇²f + Σ λᵢ ∇²cᵢ with their structures. ``problem.x0`` is the start
            as one float64 vector, ``problem.unravel(x)`` a solution in the shape of ``x0``.

        Raises
        ------
        MissingExtra
            If cyipopt is not installed.
        WrongInput, WrongType, Unreadable
            For an f with several outputs, limits that nothing satisfies or whose shapes do not fit, NaN at the start,
            functions that cannot be traced, and structures that are too large to be read.

        Notes
        -----
        Wächter and Biegler, *On the implementation of an interior-point filter line-search algorithm for large-scale
        nonlinear programming*, Mathematical Programming 106 (2006).

        Examples
        --------
        The nearest point to the origin on the line x + y = 2 (cyipopt needs the extra ``ipopt``):

        >>> import numpy as np, pytest, osculate
        >>> _ = pytest.importorskip("cyipopt")
        >>> line = (lambda x: x[0] + x[1], 2, 2)
        >>> problem = osculate.optimize.nlp(lambda x: x[0] ** 2 + x[1] ** 2, line).to_cyipopt(np.zeros(2))
        >>> problem.add_option("print_level", 0)
        >>> problem.solve(problem.x0)[0].round(6)
        array([1., 1.])
        """
        try:
            from .ipopt import Problem
        except ImportError as error:
            raise MissingExtra(
                "osculate.optimize.nlp(…).to_cyipopt",
                f"it needs Ipopt through cyipopt, which cannot be loaded: {error}",
                remedy='python -m pip install "osculate[ipopt]"; or .to_scipy(x0), which needs no more than SciPy',
            ) from error
        return Problem(*self._at(x0))

    def to_scipy(self, x0: Any) -> dict[str, Any]:
        """The program as keyword arguments of ``scipy.optimize.minimize``, with exact sparse derivatives.

        Parameters
        ----------
        x0 : pytree of arrays
            The start; it gives the unknowns their number and shape.

        Returns
        -------
        dict
            ``fun``, ``x0`` (one float64 vector), ``jac``, ``hess``, and where there are any ``constraints`` and
            ``bounds``: ``scipy.optimize.minimize(method="trust-constr", **program.to_scipy(x0))``.

        Raises
        ------
        WrongInput, WrongType, Unreadable
            As ``to_cyipopt``.

        Notes
        -----
        Byrd, Hribar and Nocedal, *An interior point algorithm for large-scale nonlinear programming*, SIAM Journal on
        Optimization 9 (1999), which trust-constr implements.

        Examples
        --------
        The nearest point to the origin on the line x + y = 2:

        >>> import numpy as np, osculate, scipy.optimize
        >>> line = (lambda x: x[0] + x[1], 2, 2)
        >>> program = osculate.optimize.nlp(lambda x: x[0] ** 2 + x[1] ** 2, line)
        >>> scipy.optimize.minimize(method="trust-constr", **program.to_scipy(np.zeros(2))).x.round(6)
        array([1., 1.])
        """
        from .trust_constr import arguments

        return arguments(*self._at(x0))

    def _at(self, x0: Any) -> tuple[Derivatives, Vector, Vector, Vector, Vector]:
        """What is computed, and the limits of the unknowns and of the constraints."""
        refuse_tracers(ASKED, x0)
        start = jax.tree.map(_doubled, x0)
        with jax.enable_x64(True):
            functions = traced(self.f, tuple(c.function for c in self.constraints), start)
            lower, upper = both(self.bounds, start, "the unknowns")
            pairs = [
                both((c.lower, c.upper), here.output, f"constraint {number}")
                for number, (c, here) in enumerate(zip(self.constraints, functions.constraints, strict=True))
            ]
            least, most = (np.concatenate([np.zeros(0), *(pair[k] for pair in pairs)]) for k in (0, 1))
            flat = np.array(ravel_pytree(start)[0])
            leaves, structure = jax.tree.flatten(start)
            return derivatives(functions, flat, _unravelled(leaves, structure)), lower, upper, least, most


def _doubled(leaf: Any) -> Any:
    """Floats and integers in float64; what is no real number is left for the check to refuse."""
    array = np.asarray(leaf)
    return array.astype(np.float64) if array.dtype.kind in "fiu" else array


def _unravelled(leaves: list[Any], structure: Any) -> Callable[[Vector], Any]:
    ends = np.cumsum([leaf.size for leaf in leaves])

    def unravel(x: Vector) -> Any:
        if np.shape(x) != (ends[-1],):
            raise WrongInput(
                ASKED, f"a solution has {ends[-1]} entries, not the shape {list(np.shape(x))}", remedy="unravel(x)"
            )
        parts = np.split(np.asarray(x), ends[:-1])
        shaped = [part.reshape(leaf.shape) for part, leaf in zip(parts, leaves, strict=True)]
        return jax.tree.unflatten(structure, shaped)

    return unravel


def nlp(f: Callable[..., Any], constraints: Any = (), bounds: Any = None) -> NonlinearProgram:
    """A nonlinear program for solvers that exist: min f(x) subject to l ≤ c(x) ≤ u and lower ≤ x ≤ upper.

    Parameters
    ----------
    f : callable
        The objective: one real number; written with JAX or with plain NumPy. x is an array or any pytree of arrays.
    constraints : (c, lower, upper), or a list of such
        c returns an array or a pytree; the limits are None (no limit), a number, or shaped like what c returns; equal
        limits make an equation. Also ``scipy.optimize.NonlinearConstraint``, of which function and limits are used,
        and ``scipy.optimize.LinearConstraint``, dense or sparse.
    bounds : (lower, upper) or scipy.optimize.Bounds, optional
        Limits on the unknowns: each None, a number, or shaped like x.

    Returns
    -------
    NonlinearProgram
        With ``.to_cyipopt(x0)`` and ``.to_scipy(x0)``. Everything is computed in float64.

    Raises
    ------
    WrongType
        For an f that is no function, constraints or bounds of an unknown form. All else is known once x is.

    Notes
    -----
    The Jacobian of the constraints and the Hessian of the Lagrangian are read from the functions with their patterns,
    by edge pushing on whole arrays (Gower and Mello, *A new framework for the computation of Hessians*, Optimization
    Methods and Software 27, 2012), compiled once, and checked by one random product.

    Examples
    --------
    >>> import numpy as np, osculate
    >>> program = osculate.optimize.nlp(lambda x: ((x[1:] - x[:-1]) ** 2).sum(), (lambda x: x[0] * x[-1], 1, 1))
    >>> arguments = program.to_scipy(np.ones(5))
    >>> arguments["hess"](np.ones(5)).toarray().astype(int)
    array([[ 2, -2,  0,  0,  0],
           [-2,  4, -2,  0,  0],
           [ 0, -2,  4, -2,  0],
           [ 0,  0, -2,  4, -2],
           [ 0,  0,  0, -2,  2]])
    """
    if not callable(f):
        raise WrongType(ASKED, f"the objective is {type(f).__name__}, not a function", remedy=f"{ASKED}(f)")
    return NonlinearProgram(f, constraints_of(constraints), bounds_of(bounds))
