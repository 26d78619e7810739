"""Arithmetic, composition and inversion of Taylor polynomials: on one or several variables, about one centre."""

from __future__ import annotations

import numbers
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from osculate._errors import WrongInput
from osculate._trace import is_traced

from . import multivariate, series
from .multivariate import library

if TYPE_CHECKING:
    from .polynomial import Taylor

ASKED = "Taylor"


def added(a: Taylor, b: Any, sign: int = 1) -> Taylor:
    """Sum or difference, to the lower order."""
    if _is_number(b):
        return replace(a, coefficients=jax.tree.map(lambda c: _with_constant(c, c[0] + sign * b), a.coefficients))
    if not _is_taylor(a, b):
        return NotImplemented
    a, b = _together(a, b)
    return _leafwise(lambda c, d: c + sign * d, a, b)


def multiplied(a: Taylor, b: Any) -> Taylor:
    """A product, truncated to the lower order."""
    if _is_number(b):
        return replace(a, coefficients=jax.tree.map(lambda c: c * b, a.coefficients))
    if not _is_taylor(a, b):
        return NotImplemented
    a, b = _together(a, b)
    return _leafwise(_product(a), a, b)


def divided(a: Taylor, b: Any) -> Taylor:
    """A quotient; b must not vanish at the centre."""
    if _is_number(b):
        if not is_traced(b) and b == 0:
            raise ZeroDivisionError("a Taylor polynomial divided by zero")
        return replace(a, coefficients=jax.tree.map(lambda c: c / b, a.coefficients))
    if not _is_taylor(a, b):
        return NotImplemented
    a, b = _together(a, b)
    _check_nonzero(b, "a quotient")
    if a.exponents is None:
        return _leafwise(series.quotient, a, b)
    return multiplied(a, _real_power(b, -1))


def divided_into(a: Taylor, number: Any) -> Taylor:
    """A number over a polynomial."""
    if not _is_number(number):
        return NotImplemented
    _check_nonzero(a, "a quotient")
    return multiplied(_real_power(a, -1), number)


def raised(a: Taylor, exponent: Any) -> Taylor:
    """Power, by repeated squaring for integers ≥ 0; others need a value that is not zero."""
    if not _is_number(exponent) or np.iscomplexobj(exponent):
        return NotImplemented
    if is_traced(exponent) or float(exponent) != int(exponent) or exponent < 0:
        _check_nonzero(a, f"the power {exponent}")
        return _real_power(a, exponent)
    count = int(exponent)
    one = replace(a, coefficients=jax.tree.map(lambda c: _with_constant(0 * c, 0 * c[0] + 1), a.coefficients))
    result, square = one, a
    while count:
        if count % 2:
            result = multiplied(result, square)
        count //= 2
        square = multiplied(square, square) if count else square
    return result


def composed(f: Taylor, g: Taylor) -> Taylor:
    """Composition by Horner's rule; f in one variable, about the value of g at its centre."""
    leaves = jax.tree.leaves(g.coefficients)
    if f.exponents is not None or np.ndim(f.center) or len(leaves) != 1 or leaves[0].ndim != 1:
        raise WrongInput(
            ASKED,
            "a composition f(g) needs f of one variable and g with one output",
            remedy="compose the functions: osculate.taylor(lambda x: f(g(x)), order)(x)",
        )
    inner = leaves[0][0]
    if not is_traced(inner, f.center):
        eps = float(jnp.finfo(leaves[0].dtype).eps)
        if not abs(inner - f.center) <= 16 * eps * max(1.0, abs(f.center)):
            raise WrongInput(
                ASKED,
                f"g is {inner:.17g} at its centre, but f is expanded about {f.center:.17g}",
                remedy="expand f where g takes it: osculate.taylor(f, order)(float(g(g.center)))",
            )
    order = min(f.order, g.order)
    g = _truncated(g, order)
    h = jax.tree.leaves(g.coefficients)[0]
    h = _with_constant(h, 0 * h[0])
    coefficients = jax.tree.map(lambda c: _horner([c[k] for k in range(order + 1)], h, _product(g)), f.coefficients)
    return replace(g, coefficients=coefficients)


def inverted(a: Taylor) -> Taylor:
    """The functional inverse."""
    leaves = jax.tree.leaves(a.coefficients)
    asked = "Taylor.inverse"
    if a.exponents is not None or len(leaves) != 1 or leaves[0].ndim != 1:
        raise WrongInput(
            asked, "only a polynomial in one variable with one output has an inverse", remedy="one output, one variable"
        )
    c = leaves[0]
    if a.order < 1 or (not is_traced(c) and c[1] == 0):
        raise WrongInput(
            asked,
            "the derivative at the centre is zero, so there is no inverse function around it",
            remedy="expand about another point, where f′ is not zero",
        )
    return replace(a, center=c[0], coefficients=_with_constant(series.reversion(c), a.center + 0 * c[0]))


def _real_power(a: Taylor, exponent: Any) -> Taylor:
    if a.exponents is None:
        return replace(a, coefficients=jax.tree.map(lambda c: series.power(c, exponent), a.coefficients))

    def compose(c: Any) -> Any:
        outer = [c[0] ** exponent]
        for k in range(1, a.order + 1):
            outer.append(outer[-1] * (exponent - k + 1) / (k * c[0]))
        return _horner(outer, _with_constant(c, 0 * c[0]), _product(a))

    return replace(a, coefficients=jax.tree.map(compose, a.coefficients))


def _horner(outer: list[Any], h: Any, product: Callable[[Any, Any], Any]) -> Any:
    """Σₖ outer[k] hᵏ for a series h without constant term."""
    shape = np.shape(outer[0])
    if h.ndim == 1:
        h = h.reshape((-1,) + (1,) * len(shape))
    xp = library(outer, h)
    total = xp.zeros((h.shape[0], *shape), xp.result_type(outer[0], h))
    for c in reversed(outer):
        total = product(total, h)
        total = _with_constant(total, total[0] + c)
    return total


def _product(a: Taylor) -> Callable[[Any, Any], Any]:
    if (alphas := a.exponents) is None:
        return series.product
    return lambda c, d: multivariate.product(c, d, alphas)


def _with_constant(c: Any, constant: Any) -> Any:
    xp = library(c, constant)
    return xp.concatenate([xp.asarray(constant)[None], c[1:]])


def _truncated(a: Taylor, order: int) -> Taylor:
    if order == a.order:
        return a
    if a.exponents is None:
        return replace(a, coefficients=jax.tree.map(lambda c: c[: order + 1], a.coefficients))
    kept = multivariate.exponents(a.variables, order)
    return replace(a, coefficients=jax.tree.map(lambda c: c[: len(kept)], a.coefficients), exponents=kept)


def _together(a: Taylor, b: Taylor) -> tuple[Taylor, Taylor]:
    """Both to the lower order, once they are about the same centre and of the same outputs."""
    problem = None
    centers = jax.tree.leaves((a.center, b.center))
    alike = jax.tree.structure(a.center) == jax.tree.structure(b.center) and a.variables == b.variables
    same = alike and (is_traced(centers) or all(map(np.array_equal, *map(jax.tree.leaves, (a.center, b.center)))))
    if not same or (a.exponents is None) != (b.exponents is None):
        problem = f"the centres differ: {a.center} and {b.center}"
    elif a.directional != b.directional:
        problem = "one is in t along a direction, the other in x"
    elif jax.tree.structure(a.coefficients) != jax.tree.structure(b.coefficients):
        problem = "their outputs are different pytrees"
    if problem is not None:
        raise WrongInput(ASKED, problem, remedy="expand both about one point: osculate.taylor(f, order)(x)")
    order = min(a.order, b.order)
    return _truncated(a, order), _truncated(b, order)


def _leafwise(combine: Callable[[Any, Any], Any], a: Taylor, b: Taylor) -> Taylor:
    """Combine outputs with outputs, of shapes that broadcast: the axis of the coefficients stays in front."""

    def aligned(c: Any, d: Any) -> Any:
        rank = max(c.ndim, d.ndim)
        c, d = (v.reshape(v.shape[:1] + (1,) * (rank - v.ndim) + v.shape[1:]) for v in (c, d))
        return combine(c, d)

    return replace(a, coefficients=jax.tree.map(aligned, a.coefficients, b.coefficients))


def _check_nonzero(a: Taylor, what: str) -> None:
    leaves = jax.tree.leaves(a.coefficients)
    if not is_traced(leaves) and any(np.any(np.asarray(c[0]) == 0) for c in leaves):
        raise WrongInput(
            ASKED,
            f"{what} needs a polynomial that is not zero at its centre {a.center}",
            remedy="osculate.taylor of the whole function, or another centre",
        )


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Number) or (isinstance(value, (np.ndarray, jax.Array)) and np.ndim(value) == 0)


def _is_taylor(a: Taylor, b: Any) -> bool:
    return isinstance(b, type(a))
