"""Arithmetic of truncated power series in one variable: coefficients c[0], c[1], … along the first axis."""

from __future__ import annotations

from typing import Any

from .multivariate import library


def product(a: Any, b: Any) -> Any:
    """Cauchy product; both have the same number of coefficients."""
    xp = library(a, b)
    return xp.stack([xp.sum(a[: k + 1] * b[k::-1], axis=0) for k in range(a.shape[0])])


def quotient(a: Any, b: Any) -> Any:
    """a/b by long division; b[0] is not zero."""
    rows: list[Any] = []
    for k in range(a.shape[0]):
        rest = a[k]
        for j, q in enumerate(rows):
            rest = rest - q * b[k - j]
        rows.append(rest / b[0])
    return library(a, b).stack(rows)


def power(a: Any, exponent: Any) -> Any:
    """a**p for a real p, by a y′ = p a′ y; a[0] is not zero."""
    rows = [a[0] ** exponent]
    for k in range(1, a.shape[0]):
        total = sum((exponent * j - (k - j)) * a[j] * rows[k - j] for j in range(1, k + 1))
        rows.append(total / (k * a[0]))
    return library(a).stack(rows)


def reversion(a: Any) -> Any:
    """Coefficients of the functional inverse of a[1] h + a[2] h² + …, by Lagrange; a[1] is not zero."""
    xp = library(a)
    order = a.shape[0] - 1
    one = xp.concatenate([xp.ones_like(a[:1]), xp.zeros_like(a[2:])])
    ratio = quotient(one, a[1:])  # h / (a[1] h + …)
    rows, power_of_ratio = [xp.zeros_like(a[0])], ratio
    for k in range(1, order + 1):
        rows.append(power_of_ratio[k - 1] / k)
        power_of_ratio = product(power_of_ratio, ratio)
    return xp.stack(rows)


def shifted_down(a: Any) -> Any:
    """Coefficients of the derivative."""
    xp = library(a)
    if a.shape[0] == 1:
        return xp.zeros_like(a)
    return xp.stack([k * a[k] for k in range(1, a.shape[0])])


def shifted_up(a: Any) -> Any:
    """Coefficients of the integral from the centre."""
    xp = library(a)
    return xp.stack([xp.zeros_like(a[0]), *(a[k] / (k + 1) for k in range(a.shape[0]))])
