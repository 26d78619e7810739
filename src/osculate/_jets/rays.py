"""Directions for mixed derivatives: as few as we know how, with exact weights, and the rounding they amplify.

Along a ray e the Taylor coefficient of order k is P(e) = Σ_{|β|=k} f_β e^β, where f_β = ∂^β f/β!. To find f_α from
values P(e) is to write the monomial x^α as a sum of k-th powers of linear forms, so the fewest rays are its real Waring
rank.

*One multi-index.* Take a grid: in variable i the a_i + 1 nodes {0 if a_i is even, ±1, ±q, ±q², …}, times a scale. The
product of divided differences is zero on every monomial of degree k but x^α. Rays e and −e count once, and so do the
rays that the common ratio q makes parallel: ½ [Π(a_i + 1) − Π(a_i − 1)] are left. That is the Waring rank for one or
two variables and where some a_i = 1; in general it is the best bound known (Carlini, Kummer, Oneto and Ventura). q and
the scales are free, and are chosen for small weights.

*All multi-indices of an order* need as many rays as there are monomials. They are chosen support by support, by pivoted
QR among small integer directions of either sign (``blocks``); the simplex of Griewank, Utke and Walther has as many,
but amplifies rounding 27 times more at order 8 in two variables, and 450 times more at order 12.

*Lower orders* need no rays of their own: x^(τ−α) P_k has f_α as its coefficient at τ ≥ α, so the weights of τ times
e^(τ−α) give f_α.

References
----------
Carlini, Kummer, Oneto and Ventura, *On the real rank of monomials*, Math. Z. 286 (2017); Boij, Carlini and Geramita,
*Monomials as sums of powers: the real binary case*, Proc. AMS 139 (2011); Griewank, Utke and Walther, Math. Comp. 69
(2000).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, lru_cache
from itertools import product
from math import factorial, gcd, inf, lcm, prod

from .blocks import block_weights

Index = tuple[int, ...]
Ray = tuple[tuple[int, int], ...]
"""The entries of a direction that are not zero: (variable, integer)."""
Sparse = tuple[tuple[int, int], ...]
"""A multi-index by its entries that are not zero: (variable, order)."""
Weights = Mapping[Ray, Fraction]

_RATIOS = tuple(Fraction(*r) for r in ((2, 1), (5, 3), (3, 2), (4, 3), (5, 4), (3, 1), (4, 1)))
_SCALES = tuple(Fraction(*s) for s in ((1, 1), (2, 1), (1, 2), (3, 2), (2, 3), (3, 1), (1, 3), (4, 1), (1, 4)))
_MOST_SCALED, _MOST_SEARCHED = 64, 5000
"""Grid points up to which the scales are searched, and the ratio; else the scales are 1, and the ratio is 2."""
_MOST_COMPARED = 4096


@dataclass(frozen=True)
class Plan:
    """Which rays to push to which order, and how their coefficients combine.

    ``weights[j]`` gives f_α = ∂^α f/α! of the j-th multi-index as a sum over rays (by number) of weight · coefficient
    of order |α|. ``amplification[j]`` bounds its rounding: κ = α!/k! Σ |w_e| ‖e‖₁ᵏ, so that relative rounding ε of the
    coefficients becomes at most κ ε max_{|β|=k} |∂^β f| in ∂^α f.
    """

    rays: tuple[Ray, ...]
    orders: tuple[int, ...]
    weights: tuple[Mapping[int, Fraction], ...]
    amplification: tuple[float, ...]


def plan(alphas: Sequence[Index]) -> Plan:
    """Choose rays for a set of multi-indices.

    Examples
    --------
    The heat operator's derivatives need one ray an axis; a mixed one two; all of order two as many as there are:

    >>> [len(plan(s).rays) for s in ([(0, 0), (1, 0), (2, 0), (0, 1)], [(1, 1)], [(2, 0), (1, 1), (0, 2)])]
    [2, 2, 3]
    """
    return _plan(tuple(tuple((i, a) for i, a in enumerate(alpha) if a) for alpha in alphas))


@lru_cache(maxsize=64)
def _plan(alphas: tuple[Sparse, ...]) -> Plan:
    table: dict[Sparse, Weights] = {(): {}}
    for component in _components({alpha for alpha in alphas if alpha}):
        table.update(_cheapest(component))
    orders: dict[Ray, int] = {}
    for alpha in alphas:
        for ray in table[alpha]:
            orders[ray] = max(orders.get(ray, 0), _order(alpha))
    rays = sorted(orders, key=lambda ray: (len(ray), [i for i, _ in ray], [abs(e) for _, e in ray], ray))
    number = {ray: i for i, ray in enumerate(rays)}
    weights = tuple({number[ray]: w for ray, w in table[alpha].items()} for alpha in alphas)
    amplification = tuple(amplified(alpha, table[alpha]) for alpha in alphas)
    return Plan(tuple(rays), tuple(orders[ray] for ray in rays), weights, amplification)


def amplified(alpha: Sparse, weights: Weights) -> float:
    """κ of ``Plan``."""
    order = _order(alpha)
    scale = Fraction(prod(factorial(a) for _, a in alpha), factorial(order))
    exact = scale * sum(abs(w) * sum(abs(e) for _, e in ray) ** order for ray, w in weights.items())
    try:
        return float(exact)
    except OverflowError:  # no digit of such a result would be right
        return inf


def _components(alphas: set[Sparse]) -> list[list[Sparse]]:
    """Multi-indices that share variables, directly or through others; the rest can be planned apart."""
    parent: dict[int, int] = {}

    def root(i: int) -> int:
        while parent.setdefault(i, i) != i:
            parent[i] = i = parent[parent[i]]
        return i

    for alpha in alphas:
        for i, _ in alpha:
            parent[root(i)] = root(alpha[0][0])
    groups: dict[int, list[Sparse]] = {}
    for alpha in sorted(alphas):
        groups.setdefault(root(alpha[0][0]), []).append(alpha)
    return list(groups.values())


def _cheapest(alphas: list[Sparse]) -> dict[Sparse, Weights]:
    """Weights with the fewest rays, and among those with the least amplification."""
    tops = _maximal(alphas)
    found: list[dict[Sparse, Weights]] = []
    for tuned in (True, False):
        highest = {top: _one(top, tuned) for top in tops}
        found.append({alpha: _best(alpha, highest) for alpha in alphas})
    degree = max(map(_order, alphas))
    if len(tops) > 1 and (blocks := _all(alphas, degree)) is not None:
        found.append(blocks)

    def cost(table: dict[Sparse, Weights]) -> tuple[int, float]:
        rays = {ray for weights in table.values() for ray in weights}
        return len(rays), max(amplified(alpha, weights) for alpha, weights in table.items())

    return min(found, key=cost)


def _maximal(alphas: list[Sparse]) -> set[Sparse]:
    """Multi-indices that are not below another (in a very large set, perhaps a few more)."""
    degree = max(map(_order, alphas))
    tops = {alpha for alpha in alphas if _order(alpha) == degree}
    for alpha in sorted(set(alphas) - tops, key=_order, reverse=True):
        if not _lifted(alpha, degree) & tops and not (
            len(tops) <= _MOST_COMPARED and any(_below(alpha, top) for top in tops)
        ):
            tops.add(alpha)
    return tops


def _best(alpha: Sparse, highest: Mapping[Sparse, Weights]) -> Weights:
    """The best conditioned way from the rays of the maximal multi-indices to one of them, or to one below."""
    if alpha in highest:
        return highest[alpha]
    if len(alpha) == 1:
        axis: Ray = ((alpha[0][0], 1),)
        if any(axis in weights for weights in highest.values()):
            return {axis: Fraction(1)}
    above = [top for top in highest if _below(alpha, top)]
    ways = [_lowered(highest[top], top, alpha) for top in above]
    return min(ways, key=lambda weights: amplified(alpha, weights))


def _lifted(alpha: Sparse, degree: int) -> set[Sparse]:
    rise = degree - _order(alpha)
    return {tuple((j, a + rise * (i == j)) for j, a in alpha) for i, _ in alpha}


def _below(alpha: Sparse, top: Sparse) -> bool:
    highest = dict(top)
    return all(highest.get(i, 0) >= a for i, a in alpha)


def _lowered(weights: Weights, top: Sparse, alpha: Sparse) -> Weights:
    """Weights of f_α from those of f_τ, τ ≥ α."""
    lower = dict(alpha)
    rise = [(i, a - lower.get(i, 0)) for i, a in top]
    found = {ray: w * prod(dict(ray).get(i, 0) ** r for i, r in rise if r) for ray, w in weights.items()}
    return {ray: w for ray, w in found.items() if w}


def _all(alphas: list[Sparse], degree: int) -> dict[Sparse, Weights] | None:
    """Weights on the rays of ``blocks``, which serve every multi-index up to a degree."""
    table: dict[Sparse, Weights] = {}
    for alpha in alphas:
        ways: list[Weights] = []
        for top in _lifted(alpha, degree):
            variables = [i for i, _ in top]
            dense = block_weights(degree, tuple(a for _, a in top))
            if dense is None:
                return None
            ways.append(_lowered(_placed(dense, variables, degree), top, alpha))
        table[alpha] = min(ways, key=lambda weights: amplified(alpha, weights))
    return table


def _one(alpha: Sparse, tuned: bool) -> Weights:
    """Weights of one multi-index on a grid of its own."""
    by_size = sorted(alpha, key=lambda entry: -entry[1])
    variables, orders = [i for i, _ in by_size], tuple(a for _, a in by_size)
    dense = _tuned_grid(orders) if tuned else _grid(orders, _RATIOS[0], (_SCALES[0],) * len(orders))
    return _placed(dense, variables, _order(alpha))


def _placed(dense: Mapping[Index, Fraction], variables: Sequence[int], order: int) -> Weights:
    """Weights on directions of some variables as weights on directions of all, the first entry positive."""
    placed: dict[Ray, Fraction] = {}
    for ray, weight in dense.items():
        entries = sorted((i, e) for i, e in zip(variables, ray, strict=True) if e)
        sign = 1 if entries[0][1] > 0 else -1
        placed[tuple((i, sign * e) for i, e in entries)] = weight * sign**order
    return placed


@cache
def _tuned_grid(orders: Index) -> Mapping[Index, Fraction]:
    """The grid whose ratio and scales (equal for equal orders) amplify least: a coordinate search."""
    points = prod(a + 1 for a in orders)
    others = [order for order in dict.fromkeys(orders) if order != orders[0]] if points <= _MOST_SCALED else []
    tried: list[tuple[float, int, Mapping[Index, Fraction]]] = []

    def look(ratio: Fraction, scales: Mapping[int, Fraction]) -> float:
        grid = _grid(orders, ratio, tuple(scales[order] for order in orders))
        weights = _placed(grid, range(len(orders)), sum(orders))
        tried.append((amplified(tuple(enumerate(orders)), weights), len(tried), grid))
        return tried[-1][0]

    for ratio in _RATIOS if points <= _MOST_SEARCHED else _RATIOS[:1]:
        scales = dict.fromkeys(orders, _SCALES[0])
        look(ratio, scales)
        for order in others:
            scales[order] = min(_SCALES, key=lambda s, r=ratio, o=order, now=scales: look(r, {**now, o: s}))
    return min(tried, key=lambda entry: entry[:2])[2]


@cache
def _grid(orders: Index, ratio: Fraction, scales: tuple[Fraction, ...]) -> Mapping[Index, Fraction]:
    """Weights of x^α on its grid, parallel rays joined, as primitive integer directions."""
    axes = [_divided_difference(a, ratio, scale) for a, scale in zip(orders, scales, strict=True)]
    totals: dict[Index, Fraction] = {}
    for entries in product(*axes):
        if any(node for node, _ in entries):
            ray, length = _primitive([node for node, _ in entries])
            weight = prod((w for _, w in entries), start=Fraction(1)) * length ** sum(orders)
            totals[ray] = totals.get(ray, Fraction(0)) + weight
    return {ray: w for ray, w in totals.items() if w}


def _divided_difference(order: int, ratio: Fraction, scale: Fraction) -> list[tuple[Fraction, Fraction]]:
    """Nodes with weights that take t^order to 1 and lower powers to 0, and by symmetry the next power, too."""
    positive = [scale * ratio**j for j in range((order + 1) // 2)]
    nodes = [*positive, *(-p for p in positive), *([Fraction(0)] if order % 2 == 0 else [])]
    return [(n, 1 / prod((n - m for m in nodes if m != n), start=Fraction(1))) for n in nodes]


def _primitive(entries: Iterable[Fraction]) -> tuple[Index, Fraction]:
    """A direction as (integers without a common factor, the first positive; what they are multiplied by)."""
    exact = list(entries)
    common = lcm(*(e.denominator for e in exact))
    whole = [int(e * common) for e in exact]
    factor = gcd(*whole) * (1 if next(e for e in whole if e) > 0 else -1)
    return tuple(e // factor for e in whole), Fraction(factor, common)


def _order(alpha: Sparse) -> int:
    return sum(a for _, a in alpha)
