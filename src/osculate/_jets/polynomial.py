"""``Taylor``: a Taylor polynomial in one or several variables, as a value to call, print, draw and calculate with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import factorial, prod
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from osculate._errors import WrongInput
from osculate._results import Estimate
from osculate._trace import is_traced

from . import arithmetic, multivariate, series
from .factorial import times_all
from .multivariate import library
from .printing import polynomial_text
from .radius import radius_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False, repr=False)
class Taylor:
    """A Taylor polynomial: Σₖ coefficients[k] (x − center)ᵏ, or Σ_α coefficients[α] (x − center)^α.

    Sums, products (Leibniz), quotients and powers give the polynomial of the sum, product, … to the lower order of the
    two; ``f(g)`` that of the composition, where g at its centre is the centre of f.

    Attributes
    ----------
    center : number, array or pytree
        The point of expansion; 0 where a direction was given, since the variable is then t in x + t·direction.
    coefficients : array of shape (order + 1, *output) or pytree of such
        f⁽ᵏ⁾/k!, exact. In several variables ∂^α f/α!, one for each of ``exponents``.
    directional : bool
        Whether the variable is t along a direction.
    exponents : tuple of multi-indices, or None
        In several variables (the entries of x, ravelled): α of each coefficient, lower orders first.

    Examples
    --------
    Of a product, of a composition, and an inverse function:

    >>> import numpy as np, osculate
    >>> sin, exp = osculate.taylor(np.sin, 4)(0.0), osculate.taylor(np.exp, 4)(0.0)
    >>> print(sin * exp)
    x + x^2 + 0.333333 x^3
    >>> print(exp(sin))
    1 + x + 0.5 x^2 - 0.125 x^4
    >>> print(sin.inverse())
    x + 0.166667 x^3
    """

    center: Any
    coefficients: Any
    directional: bool = field(default=False, metadata={"static": True})
    exponents: tuple[tuple[int, ...], ...] | None = field(default=None, metadata={"static": True})

    __array_ufunc__ = None  # so that a NumPy number times a polynomial is left to the polynomial

    @property
    def order(self) -> int:
        """The highest power."""
        if self.exponents is not None:
            return sum(self.exponents[-1])
        return jax.tree.leaves(self.coefficients)[0].shape[0] - 1

    @property
    def variables(self) -> int:
        """How many variables it has."""
        return 1 if self.exponents is None else len(self.exponents[0])

    @property
    def derivatives(self) -> Any:
        """f⁽ᵏ⁾, k = 0 … order, or ∂^α f, stacked like ``coefficients``."""
        alphas = self.exponents or tuple((k,) for k in range(self.order + 1))
        return jax.tree.map(lambda c: times_all(c, alphas), self.coefficients)

    @property
    def gradient(self) -> Any:
        """∇f at the centre, of shape (*output, *x.shape); over a pytree its ravelled entries are the last axis."""
        return self._tensor(1)

    @property
    def hessian(self) -> Any:
        """The Hessian at the centre, of shape (*output, *x.shape, *x.shape)."""
        return self._tensor(2)

    def _tensor(self, degree: int) -> Any:
        if self.exponents is None or self.order < degree:
            problem = f"has order {self.order}" if self.exponents is not None else "is in one variable: .derivatives"
            raise WrongInput(
                f"Taylor.{'gradient' if degree == 1 else 'hessian'}",
                f"the polynomial {problem}",
                remedy=f"osculate.taylor(f, {degree})(x) for f of several variables",
            )
        n = self.variables
        number = {alpha: i for i, alpha in enumerate(self.exponents)}
        table = np.empty((n,) * degree, int)
        factor = np.empty((n,) * degree)
        for places in np.ndindex(*table.shape):
            alpha = tuple(places.count(i) for i in range(n))
            table[places], factor[places] = number[alpha], prod(map(factorial, alpha))
        leaves = jax.tree.leaves(self.center)
        shape = np.shape(leaves[0]) if len(leaves) == 1 else (n,)

        def pick(c: Any) -> Any:
            xp = library(c)
            entries = xp.moveaxis(c, 0, -1)[..., table] * factor.astype(c.dtype)
            return entries.reshape(c.shape[1:] + shape * degree)

        return jax.tree.map(pick, self.coefficients)

    def __call__(self, t: Any) -> Any:
        """Value of the polynomial at ``t``, or the polynomial of the composition where ``t`` is a polynomial.

        An array of points gives an array of values: in several variables, points are like the centre with further axes
        in front.
        """
        if isinstance(t, Taylor):
            return arithmetic.composed(self, t)
        if self.exponents is not None:
            steps = _steps(self.center, t)
            return jax.tree.map(lambda c: multivariate.values(c, self.exponents or (), steps), self.coefficients)
        step = t - self.center
        elementwise = np.ndim(self.center) > 0

        def value(c: Any) -> Any:
            shape = np.shape(step) if elementwise else np.shape(step) + c.shape[1:]
            h = step if elementwise or c.ndim == 1 else np.reshape(step, np.shape(step) + (1,) * (c.ndim - 1))
            total = c[-1] if elementwise else c[-1] + 0 * h
            for k in range(c.shape[0] - 2, -1, -1):
                total = total * h + c[k]
            return total if np.shape(total) == shape else total + 0 * h

        return jax.tree.map(value, self.coefficients)

    def __add__(self, other: Any) -> Taylor:
        return arithmetic.added(self, other)

    def __sub__(self, other: Any) -> Taylor:
        return arithmetic.added(self, other, -1)

    def __rsub__(self, other: Any) -> Taylor:
        return arithmetic.added(-self, other)

    def __neg__(self) -> Taylor:
        return self * -1

    def __pos__(self) -> Taylor:
        return self

    def __mul__(self, other: Any) -> Taylor:
        return arithmetic.multiplied(self, other)

    def __truediv__(self, other: Any) -> Taylor:
        return arithmetic.divided(self, other)

    def __rtruediv__(self, other: Any) -> Taylor:
        return arithmetic.divided_into(self, other)

    def __pow__(self, exponent: Any) -> Taylor:
        return arithmetic.raised(self, exponent)

    __radd__ = __add__
    __rmul__ = __mul__

    def inverse(self) -> Taylor:
        """The polynomial of the inverse function: centre and value change places (Lagrange's inversion).

        Raises
        ------
        WrongInput
            Where f′ is zero at the centre, or for several variables or outputs.
        """
        return arithmetic.inverted(self)

    def derivative(self, variable: int = 0) -> Taylor:
        """The polynomial of f′, or of ∂f/∂x_i for ``variable`` i; its order is one less."""
        self._check_variable("Taylor.derivative", variable)
        if self.exponents is None:
            return replace(self, coefficients=jax.tree.map(series.shifted_down, self.coefficients))
        alphas = self.exponents
        if self.order == 0:
            return self * 0
        lower = jax.tree.map(lambda c: multivariate.differentiated(c, alphas, variable), self.coefficients)
        return replace(self, coefficients=lower, exponents=multivariate.exponents(self.variables, self.order - 1))

    def integral(self, constant: Any = 0, variable: int = 0) -> Taylor:
        """The polynomial of ∫ f from the centre, plus a constant; its order is one more."""
        self._check_variable("Taylor.integral", variable)
        if self.exponents is None:
            higher = replace(self, coefficients=jax.tree.map(series.shifted_up, self.coefficients))
        else:
            alphas = self.exponents
            lifted = jax.tree.map(lambda c: multivariate.integrated(c, alphas, variable), self.coefficients)
            more = multivariate.exponents(self.variables, self.order + 1)
            higher = replace(self, coefficients=lifted, exponents=more)
        return higher + constant

    def _check_variable(self, asked: str, variable: int) -> None:
        if not 0 <= variable < self.variables:
            raise WrongInput(
                asked, f"variable={variable}, but there are {self.variables}", remedy="variable=0 is the first"
            )

    def radius(self) -> Estimate:
        """Estimate the radius of convergence from the decay of the coefficients.

        The root test, fitted: log |cₖ| ≈ a − k log R − b log k! over the upper half of the coefficients. A decay that
        steepens with k (b clearly positive) is that of an entire function, and R is infinite; so it is for a
        polynomial, whose upper coefficients vanish. The error bar is the spread of the fit; few coefficients give wide
        bars.

        Raises
        ------
        WrongInput
            With fewer than 8 coefficients, several outputs, or several variables: a power series in several variables
            has no one radius, but one along each direction.

        Examples
        --------
        1/(1 − x) has its pole at distance 1:

        >>> import osculate
        >>> round(float(osculate.taylor(lambda x: 1 / (1 - x), 20)(0.0).radius()), 6)
        1.0
        """
        if self.exponents is not None:
            raise WrongInput(
                "Taylor.radius",
                f"a power series in {self.variables} variables has a radius along each direction, not one",
                remedy="osculate.taylor(f, 20)(x, direction).radius()",
            )
        leaves = jax.tree.leaves(self.coefficients)
        if len(leaves) != 1 or leaves[0].ndim != 1 or leaves[0].shape[0] < 8:
            raise WrongInput(
                "Taylor.radius",
                f"needs at least 8 coefficients of one number, but there are {[leaf.shape for leaf in leaves]}",
                remedy="osculate.taylor(f, 20)(x).radius() for f with one output",
            )
        return radius_of(np.abs(np.asarray(leaves[0])).astype(float))

    def plot(self, f: Callable[..., Any] | None = None, *, window: Any = None, axes: Axes | None = None) -> Axes:
        """Draw the polynomial: its graph in one variable, contour lines in two; with ``f``, the function beside it.

        Parameters
        ----------
        f : callable, optional
            The function, to compare with; of one number, or of an array of two.
        window : pair of numbers, or of pairs, optional
            The ends of the variable, or of each of the two.
        axes : matplotlib.axes.Axes, optional
            Where to draw; a figure of its own by default (``axes.figure.savefig`` saves it).

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        WrongInput
            For several outputs or more than two variables.
        MissingExtra
            Without Matplotlib.
        """
        from .picture import draw

        return draw(self, f, window, axes)

    def __str__(self) -> str:
        leaves = jax.tree.leaves(self.coefficients)
        values, centers = leaves[0], jax.tree.leaves(self.center)
        known = not is_traced(leaves, centers) and all(isinstance(leaf, (np.ndarray, jax.Array)) for leaf in leaves)
        several = len(leaves) != 1 or values.ndim != 1 or (self.exponents is None and np.ndim(self.center) > 0)
        if several or not known:
            of = f", {self.variables} variables" if self.exponents is not None else ""
            return f"Taylor polynomial of order {self.order}{of}, outputs {[leaf.shape[1:] for leaf in leaves]} (exact)"
        alphas = self.exponents or tuple((k,) for k in range(self.order + 1))
        center = np.concatenate([np.ravel(c) for c in centers])
        letter = "t" if self.directional else "x"
        names = [letter] if self.exponents is None else [f"{letter}{i}" for i in range(self.variables)]
        return polynomial_text(np.asarray(values), alphas, center.tolist(), names)

    def __repr__(self) -> str:
        return f"<Taylor: {self}>"


def _steps(center: Any, points: Any) -> Any:
    """Steps from the centre, ravelled along the last axis."""
    leaves, structure = jax.tree.flatten(center)
    xp = library(center, points)
    if len(leaves) == 1 and jax.tree.structure(points) != structure:
        points = jax.tree.unflatten(structure, [xp.asarray(points)])
    parts, found = jax.tree.flatten(points)
    shapes = [np.shape(leaf) for leaf in leaves]
    extra = [np.ndim(p) - len(s) for p, s in zip(parts, shapes, strict=False)]
    if found != structure or any(np.shape(p)[max(e, 0) :] != s for p, e, s in zip(parts, extra, shapes, strict=True)):
        raise WrongInput(
            "Taylor",
            f"the points have shape {[np.shape(p) for p in parts]}, but the centre has {shapes}",
            remedy="pass points like the centre, with further axes in front for several",
        )
    flat = [xp.reshape(p - c, (*np.shape(p)[:e], -1)) for p, c, e in zip(parts, leaves, extra, strict=True)]
    return xp.concatenate(flat, axis=-1)
