"""``operator``: linear operators with constant coefficients, given as polynomials in ∂."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from osculate._errors import WrongInput, WrongType
from osculate._jets import partial

_ASKED = "osculate.pde.operator"

Powers = tuple[tuple[int, int], ...]
"""A product of partial derivatives: (variable, order), each variable once, in order."""


@dataclass(frozen=True, eq=False)
class Polynomial:
    """A polynomial in the partial derivatives ``d[0]``, ``d[1]`` and so on: their sums, products and powers.

    Attributes
    ----------
    terms : dict
        Coefficient of each product of partial derivatives.
    """

    terms: Mapping[Powers, Any]

    def __add__(self, other: Any) -> Polynomial:
        terms = dict(self.terms)
        for powers, coefficient in _terms(other).items():
            terms[powers] = terms[powers] + coefficient if powers in terms else coefficient
        return Polynomial(terms)

    def __mul__(self, other: Any) -> Polynomial:
        terms: dict[Powers, Any] = {}
        for left, a in self.terms.items():
            for right, b in _terms(other).items():
                powers = _product(left, right)
                terms[powers] = terms[powers] + a * b if powers in terms else a * b
        return Polynomial(terms)

    def __pow__(self, order: Any) -> Polynomial:
        if isinstance(order, bool) or not isinstance(order, int) or order < 0:
            raise WrongInput(_ASKED, f"a derivative to the power {order!r}", remedy="d[0]**2, with an integer ≥ 0")
        result = Polynomial({(): 1.0})
        for _ in range(order):
            result = result * self
        return result

    def __neg__(self) -> Polynomial:
        return self * -1.0

    def __sub__(self, other: Any) -> Polynomial:
        return self + Polynomial(_terms(other)) * -1.0

    def __rsub__(self, other: Any) -> Polynomial:
        return -self + other

    __radd__ = __add__
    __rmul__ = __mul__


class _Partials:
    """``d[i]`` is the partial derivative in variable i."""

    def __getitem__(self, variable: Any) -> Polynomial:
        if isinstance(variable, bool) or not isinstance(variable, int) or variable < 0:
            raise WrongInput(_ASKED, f"d[{variable!r}] names no variable", remedy="d[0], d[1], … in ravelled order")
        return Polynomial({((variable, 1),): 1.0})


d = _Partials()
"""The partial derivatives: ``d[0]**2 + d[1]**2`` is the Laplacian in the plane."""


def operator(f: Callable[..., Any], polynomial: Any, argnums: int = 0) -> Callable[..., Any]:
    """Make the function that applies Σ_α c_α ∂^α to ``f``.

    Parameters
    ----------
    f : callable
        Of an array of n variables (or a pytree, its entries in ravelled order), with any output; or of points X of
        shape (B, n), whose rows it must treat independently.
    polynomial : Polynomial or dict
        Made of ``osculate.pde.d``, such as ``d[0]**2 - 3 * d[0] * d[1] + 2``; or a dict from multi-indices of length n
        to coefficients. Coefficients are numbers or arrays that multiply the output of ``f``; JAX can differentiate in
        them.
    argnums : int
        Which argument holds the variables.

    Returns
    -------
    callable
        ``(x, *args) → Σ_α c_α ∂^α f``, shaped like the output of ``f``.

    Raises
    ------
    WrongInput, WrongType
        For a polynomial that is none, names a variable that x does not have, or has no terms.

    Notes
    -----
    All derivatives come from one pass of ``osculate.partial``. For Δ and Δ² ``osculate.laplacian`` and
    ``osculate.biharmonic`` are faster.

    Examples
    --------
    u = sin(x − ct) solves the wave equation u_tt = c² u_xx:

    >>> import numpy as np
    >>> from osculate import pde
    >>> d, c = pde.d, 2.0
    >>> wave = pde.operator(lambda v: np.sin(v[0] - c * v[1]), d[1] ** 2 - c**2 * d[0] ** 2)
    >>> abs(float(wave(np.array([0.3, 0.8])))) < 1e-12
    True
    >>> float(pde.operator(lambda v: v[0] ** 2 * v[1], {(2, 0): 1.0, (1, 1): -3.0})(np.array([1.0, 2.0])))
    -2.0
    """
    if not isinstance(polynomial, (Polynomial, Mapping)):
        raise WrongType(
            _ASKED,
            f"the operator must be a polynomial in osculate.pde.d, or a dict, not {type(polynomial).__name__}",
            remedy="d[0]**2 + d[1]**2, or {(2, 0): 1.0, (0, 2): 1.0}",
        )
    terms: Mapping[Any, Any] = polynomial.terms if isinstance(polynomial, Polynomial) else polynomial
    if not terms:
        raise WrongInput(_ASKED, "the operator has no terms", remedy="{(2, 0): 1.0, (0, 2): 1.0}")

    def at(*args: Any, **kwargs: Any) -> Any:
        alphas = list(terms)
        if isinstance(polynomial, Polynomial):
            count = _variables(args[argnums]) if -len(args) <= argnums < len(args) else 1
            alphas = [_multi_index(powers, count) for powers in terms]
        parts = partial(f, alphas, argnums)(*args, **kwargs)
        weighted = [
            jax.tree.map(lambda leaf, c=c: c * leaf, part) for c, part in zip(terms.values(), parts, strict=True)
        ]
        return jax.tree.map(lambda *leaves: sum(leaves[1:], leaves[0]), *weighted)

    at.__name__ = f"operator({getattr(f, '__name__', 'f')})"
    return at


def _variables(x: Any) -> int:
    """Number of variables: of one point, or of each row of an array of shape (B, n)."""
    shapes = [np.shape(leaf) for leaf in jax.tree.leaves(x)]
    return shapes[0][1] if len(shapes) == 1 and len(shapes[0]) == 2 else sum(int(np.prod(s)) for s in shapes)


def _multi_index(powers: Powers, count: int) -> tuple[int, ...]:
    if powers and powers[-1][0] >= count:
        raise WrongInput(
            _ASKED,
            f"the operator differentiates in variable {powers[-1][0]}, but there are {count}",
            remedy=f"d[0] … d[{count - 1}]",
        )
    orders = dict(powers)
    return tuple(orders.get(i, 0) for i in range(count))


def _product(left: Powers, right: Powers) -> Powers:
    orders = dict(left)
    for variable, order in right:
        orders[variable] = orders.get(variable, 0) + order
    return tuple(sorted(orders.items()))


def _terms(other: Any) -> Mapping[Powers, Any]:
    if isinstance(other, Polynomial):
        return other.terms
    if isinstance(other, (Sequence, Mapping)):
        raise WrongType(_ASKED, f"{type(other).__name__} is no coefficient", remedy="a number, or a JAX or NumPy array")
    return {(): other}
