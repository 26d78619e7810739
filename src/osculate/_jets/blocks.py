"""Rays for all multi-indices of one order: support by support, well conditioned, with exact weights.

A polynomial that is homogeneous of degree d splits into parts, one for each set S of variables: the monomials in which
exactly these appear, C(d − 1, |S| − 1) of them. As many rays with exactly these entries not zero determine the part of
S, once those of smaller sets are known. The rays of a set depend only on its size.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import cache
from itertools import combinations, combinations_with_replacement, product
from math import factorial, gcd, prod
from typing import Any

import numpy as np
import scipy.linalg

Index = tuple[int, ...]

_ENTRIES = ((1, 2, 3, 4, 6, 8, 12, 16), (1, 2, 3, 4, 8), (1, 2, 3, 4), (1, 2, 4), (1, 2), (1,))
_MOST_CANDIDATES = 10_000
_LARGEST_BLOCK = 130
"""Monomials of one support up to which the exact inverse is made."""


def compositions(total: int, parts: int) -> Iterator[Index]:
    """All tuples of ``parts`` integers ≥ 0 that sum to ``total``, the first largest first."""
    for places in combinations_with_replacement(range(parts), total):
        counts = [0] * parts
        for place in places:
            counts[place] += 1
        yield tuple(counts)


@cache
def block_weights(degree: int, orders: Index) -> Mapping[Index, Fraction] | None:
    """Weights of f_α for α of this degree, all of whose entries are positive, on rays over the same variables.

    None where the block is too large for exact arithmetic, or no well-posed rays were found.
    """
    table = _table(degree, len(orders))
    return None if table is None else table[orders]


@cache
def block_rays(degree: int, size: int) -> tuple[Index, ...] | None:
    """Directions without zeros that determine the monomials x^β with all β_i ≥ 1: pivoted QR among small integers."""
    monomials = list(_positive(degree, size))
    if len(monomials) == 1:
        return ((1,) * size,)
    if len(monomials) > _LARGEST_BLOCK:
        return None
    for entries in _ENTRIES:
        if (2 * len(entries)) ** size > 2 * _MOST_CANDIDATES:
            continue
        signed = [sign * e for e in entries for sign in (1, -1)]
        candidates = [(f, *rest) for f in entries for rest in product(signed, repeat=size - 1) if gcd(f, *rest) == 1]
        candidates.sort(key=lambda ray: (sum(map(abs, ray)), ray))
        rays = np.array(candidates, float) / np.abs(candidates).sum(1, keepdims=True)
        powers = np.stack([np.prod(rays ** np.array(b), axis=1) * _multinomial(b) for b in monomials], axis=1)
        factors: Any = scipy.linalg.qr(powers.T, mode="economic", pivoting=True)
        _, upper, order = factors
        sizes = np.abs(np.diag(upper))
        if len(candidates) >= len(monomials) and sizes[-1] > 1e-10 * sizes[0]:
            return tuple(sorted(candidates[i] for i in order[: len(monomials)]))
        return None
    return None


@cache
def _table(degree: int, size: int) -> Mapping[Index, Mapping[Index, Fraction]] | None:
    rays, monomials = block_rays(degree, size), list(_positive(degree, size))
    if rays is None:
        return None
    functionals: list[dict[Index, Fraction]] = []
    for ray in rays:
        functional = {ray: Fraction(1)}
        for count in range(1, size):
            smaller = _table(degree, count)
            if smaller is None:
                return None
            for places in combinations(range(size), count):
                _subtract(functional, smaller, ray, places)
        functionals.append(functional)
    inverse = _inverse([[Fraction(prod(e**b for e, b in zip(ray, m, strict=True))) for m in monomials] for ray in rays])
    table: dict[Index, Mapping[Index, Fraction]] = {}
    for monomial, row in zip(monomials, inverse, strict=True):
        totals: dict[Index, Fraction] = {}
        for factor, functional in zip(row, functionals, strict=True):
            for ray, weight in functional.items() if factor else ():
                totals[ray] = totals.get(ray, Fraction(0)) + factor * weight
        table[monomial] = {ray: w for ray, w in totals.items() if w}
    return table


def _subtract(
    functional: dict[Index, Fraction],
    smaller: Mapping[Index, Mapping[Index, Fraction]],
    ray: Index,
    places: tuple[int, ...],
) -> None:
    """Take from P(ray) the part of the monomials in the variables ``places``."""
    for orders, weights in smaller.items():
        value = prod(ray[p] ** a for p, a in zip(places, orders, strict=True))
        for entries, weight in weights.items():
            full = [0] * len(ray)
            for p, e in zip(places, entries, strict=True):
                full[p] = e
            key = tuple(full)
            functional[key] = functional.get(key, Fraction(0)) - value * weight


def _inverse(matrix: list[list[Fraction]]) -> list[list[Fraction]]:
    """Exact, by Gauss and Jordan."""
    size = len(matrix)
    rows = [[*row, *(Fraction(int(i == j)) for j in range(size))] for i, row in enumerate(matrix)]
    for column in range(size):
        pivot = next(i for i in range(column, size) if rows[i][column])
        rows[column], rows[pivot] = rows[pivot], rows[column]
        scale = rows[column][column]
        rows[column] = [entry / scale for entry in rows[column]]
        for i, row in enumerate(rows):
            if i != column and (factor := row[column]):
                rows[i] = [a - factor * b if b else a for a, b in zip(row, rows[column], strict=True)]
    return [row[size:] for row in rows]


def _positive(degree: int, size: int) -> Iterator[Index]:
    return (
        (tuple(part + 1 for part in parts) for parts in compositions(degree - size, size))
        if degree >= size
        else iter(())
    )


def _multinomial(orders: Index) -> int:
    return factorial(sum(orders)) // prod(map(factorial, orders))
