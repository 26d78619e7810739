"""The density of a spectrum from a few hundred products: stochastic Lanczos quadrature."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import jax
import numpy as np
import numpy.typing as npt

from osculate._errors import WrongInput
from osculate._results import Estimate
from osculate._spectrum.keys import generator
from osculate._spectrum.lanczos import Krylov, lanczos
from osculate._spectrum.product import Floats, Product, product_of, whole_number
from osculate._spectrum.ritz import ritz
from osculate._spectrum.sketch import student_widening

_ASKED = "osculate.spectral_density"
_REACH = 8.0  # standard deviations of a Gaussian that the grid covers: what lies beyond is below rounding


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class SpectralDensity:
    """Density of the eigenvalues, φ(t) = (1/n) Σ δ(t − λᵢ), smoothed by a Gaussian.

    Attributes
    ----------
    grid : array (g,)
        Where the density is given: fine near eigenvalues, coarse where there are none.
    density : array (g,)
        φ convolved with a Gaussian of standard deviation ``width``; integrates to 1.
    error : array (g,)
        Standard error of the density at each point, from the spread of the probes. It says nothing about detail finer
        than ``width``.
    width : float
        Standard deviation of the Gaussian.
    outliers : array (p,)
        Eigenvalues that stand alone outside of the bulk, ascending: exact point masses 1/n.
    outlier_error : array (p,)
        Bound on the error of each.
    negative_mass : Estimate
        Fraction of the eigenvalues below −n·ε·‖H‖.
    eigenvalue_range : array (2,)
        Smallest and largest Ritz value: they lie inside of the true range.
    nodes, weights : arrays (probes, steps)
        Gauss quadrature of each probe for the spectrum without the outliers; the weights of a probe sum to 1 − p/n.
        A probe that needed fewer steps is filled up with nodes of weight zero.
    closed : array (probes,) of bool
        Whether the nodes are all eigenvalues that the probe can see, rather than a quadrature.
    rounding : float
        What rounding may do to an eigenvalue: n·ε·‖H‖.
    size : int
        n.
    how : str
        The method, probes and steps.
    products : int
        Products spent.
    """

    grid: Floats
    density: Floats
    error: Floats
    width: float
    outliers: Floats
    outlier_error: Floats
    negative_mass: Estimate
    eigenvalue_range: Floats
    nodes: Floats
    weights: Floats
    closed: npt.NDArray[np.bool_]
    rounding: float
    size: int = field(metadata={"static": True})
    how: str = field(metadata={"static": True})
    products: int = field(metadata={"static": True})

    @property
    def value(self) -> Floats:
        """The density on the grid."""
        return self.density

    def at(self, points: npt.ArrayLike, width: float | None = None) -> Estimate:
        """Density at other points, or smoothed by a Gaussian of another width."""
        at = np.asarray(points, dtype=np.float64)
        sigma = self.width if width is None else float(width)
        if not sigma > 0:
            raise WrongInput(f"{_ASKED}(…).at", f"`width` is {width}", remedy="pass a width > 0")
        exact = _gaussian(at[..., None] - self.outliers, sigma).sum(axis=-1) / self.size
        probes = np.stack(
            [
                _gaussian(at[..., None] - nodes, sigma) @ weights
                for nodes, weights in zip(self.nodes, self.weights, strict=True)
            ]
        )
        how = f"estimate ± standard error: {self.how.split(': ', 1)[1]}, width {sigma:.3g}"
        # a shift by δ moves a Gaussian of width σ by at most δ/(σ² √(2πe)), and rounding may move every eigenvalue
        shift = float(np.sum(self.outlier_error) / self.size + self.rounding) / (sigma**2 * np.sqrt(2 * np.pi * np.e))
        return Estimate(exact + probes.mean(axis=0), _standard_error(probes) + shift, how, self.products)

    def cumulative(self, points: npt.ArrayLike) -> Estimate:
        """Fraction of the eigenvalues below each point, without smoothing.

        The value counts the nodes below, half of the weight at a node and linear in between. The mass of a probe below
        t lies between the weights of its nodes below t without the last, and the same with the next node beyond t (the
        Chebyshev–Markov–Stieltjes inequalities); the error adds that to the standard error over the probes.
        """
        at = np.asarray(points, dtype=np.float64)
        middle, open_part = self._mass_below(at)
        exact = np.searchsorted(self.outliers, at) / self.size
        return Estimate(
            exact + middle.mean(axis=0), _standard_error(middle) + open_part, self._how_bounded(), self.products
        )

    def histogram(self, edges: npt.ArrayLike) -> Estimate:
        """Fraction of the eigenvalues in each bin [edgeᵢ, edgeᵢ₊₁), with the error of ``cumulative`` at both edges."""
        bounds = np.asarray(edges, dtype=np.float64)
        middle, open_part = self._mass_below(bounds)
        masses = np.diff(middle, axis=1)
        exact = np.diff(np.searchsorted(self.outliers, bounds)) / self.size
        error = _standard_error(masses) + open_part[:-1] + open_part[1:]
        return Estimate(exact + masses.mean(axis=0), error, self._how_bounded(), self.products)

    def _how_bounded(self) -> str:
        return self.how.replace("standard error", "standard error and quadrature bound")

    def _mass_below(self, points: Floats) -> tuple[Floats, Floats]:
        """Mass below the points for each probe, outliers left out, and the mean bound on its error."""
        middles: list[Floats] = []
        open_parts: list[Floats] = []
        for nodes, weights, closed in zip(self.nodes, self.weights, self.closed, strict=True):
            below = _mass_of_atoms if closed else _mass_of_rule
            middle, open_part = below(nodes[weights > 0], weights[weights > 0], points, self.rounding)
            middles.append(middle)
            open_parts.append(open_part)
        return np.stack(middles), np.mean(open_parts, axis=0)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return np.array(self.density, dtype=dtype) if copy else np.asarray(self.density, dtype=dtype)

    def __str__(self) -> str:
        low, high = self.eigenvalue_range
        return (
            f"density of {self.size} eigenvalues on [{low:.4g}, {high:.4g}], {len(self.outliers)} outliers\n"
            f"negative: {self.negative_mass.value:.3g} ± {self.negative_mass.error:.2g} of them\n"
            f"({self.how}, {self.products} products)"
        )


@dataclass(frozen=True)
class _Bulk:
    nodes: Floats
    weights: Floats
    closed: npt.NDArray[np.bool_]


def spectral_density(op: Any, *, products: int = 300, probes: int | None = None, key: Any = 0) -> SpectralDensity:
    """Density of the spectrum, by stochastic Lanczos quadrature.

    A random unit vector v gives the measure Σ (v·uᵢ)² δ(λᵢ), whose mean is the density; m steps of Lanczos give its
    Gauss rule with m nodes. The first probe gets a third of the budget. Eigenvalues outside of the bulk that it has
    found to full accuracy are exact point masses and are projected out of all probes: they add no noise, and the others
    resolve what is left. The Gaussian is as wide as the steps make it, so that the rule integrates it exactly: its
    error, of order exp(−2 (m σ/range)² · 4), then lies far below the band.

    Parameters
    ----------
    op : CurvatureOperator, scipy.sparse.linalg.LinearOperator or array, shape (n, n)
        Symmetric.
    products : int
        Budget. From n on, all eigenvalues are computed from the matrix.
    probes : int, optional
        How many random vectors, at least 2. The default is one for every 60 products, between 2 and 10: more probes
        narrow the error band, more steps resolve finer detail.
    key : int or JAX key
        Seeds the probes.

    Returns
    -------
    SpectralDensity

    Raises
    ------
    WrongType
        If ``op`` is no operator, is complex or is traced, or a count is no integer.
    WrongInput
        If ``op`` is not square or not symmetric, a count is too small, or a product is not finite.

    References
    ----------
    S. Ubaru, J. Chen and Y. Saad, Fast estimation of tr(f(A)) via stochastic Lanczos quadrature, SIAM J. Matrix Anal.
    Appl. 38 (2017). B. Ghorbani, S. Krishnan and Y. Xiao, An investigation into neural net optimization via Hessian
    eigenvalue density, ICML 2019.

    Examples
    --------
    Half of the eigenvalues are 1, half are −1:

    >>> import numpy as np
    >>> spectrum = spectral_density(np.diag([1.0] * 200 + [-1.0] * 200), products=60)
    >>> bool(abs(spectrum.negative_mass.value - 0.5) <= 3 * spectrum.negative_mass.error)
    True
    >>> round(float(np.trapezoid(spectrum.density, spectrum.grid)), 6)
    1.0
    """
    product = product_of(op, _ASKED)
    budget = whole_number(products, "products", _ASKED, least=1, why="it takes products to see an operator")
    count = min(max(2, budget // 60), 10) if probes is None else probes
    count = whole_number(count, "probes", _ASKED, least=2, why="the spread of one probe is not known")
    if product.size <= budget:
        values = np.linalg.eigvalsh(product.matrix()).astype(np.float64)
        weights = np.full((1, product.size), 1 / product.size, dtype=np.float64)
        how = "numerical ± rounding: all eigenvalues of the whole matrix"
        return _assemble(
            product,
            np.empty(0),
            np.empty(0),
            _Bulk(values[None, :], weights, np.array([True])),
            _width(values, values, product.size),
            how,
        )
    budget = whole_number(
        budget, "products", _ASKED, least=3 * count, why=f"{count} probes take at least three products each"
    )
    steps = (budget - budget // 3) // (count - 1)
    random = generator(key, _ASKED)
    first = _run(product, random, max(steps, budget // 3), None)
    outliers, bounds, vectors, inner = _split(product, first)
    steps = (budget - first.steps) // (count - 1)
    runs = [_run(product, random, steps, vectors) for _ in range(count - 1)]
    nodes, weights = _pad([inner, *(run.quadrature() for run in runs)], 1 - len(outliers) / product.size)
    closed = np.array([run.invariant for run in (first, *runs)])
    return _assemble(
        product,
        outliers,
        bounds + product.rounding,
        _Bulk(nodes, weights, closed),
        _width(nodes, np.concatenate([outliers, nodes.ravel()]), steps),
        f"estimate ± standard error: stochastic Lanczos quadrature, {count} probes of {steps} steps or more",
    )


def _run(product: Product, random: np.random.Generator, steps: int, avoid: Floats | None) -> Krylov:
    *_, last = islice(lanczos(product, random.standard_normal(product.size), avoid), steps)
    return last


def _split(product: Product, run: Krylov) -> tuple[Floats, Floats, Floats, tuple[Floats, Floats]]:
    """Outliers, their bounds and vectors, and the quadrature that is left: without them, of total weight one.

    An outlier is a converged Ritz value with no unconverged one outside of it. Its weight tells a single eigenvalue
    from a crowd at one place: n times the weight is χ² with one degree of freedom, above 20 once in 100,000.
    """
    pairs = ritz([run])
    nodes, weights = pairs.values, pairs.coordinates[0] ** 2
    single = (pairs.residuals <= np.sqrt(product.precision) * product.scale) & (product.size * weights <= 20)
    outside = np.logical_and.accumulate(single) | np.logical_and.accumulate(single[::-1])[::-1]
    if outside.all():  # a space without a bulk: leave the density one node to stand on
        outside[np.argmax(weights)] = False
    inner = nodes[~outside], weights[~outside] / np.sum(weights[~outside])
    return nodes[outside], pairs.quadratic_bounds()[outside], run.basis @ pairs.coordinates[:, outside], inner


def _pad(rules: list[tuple[Floats, Floats]], mass: float) -> tuple[Floats, Floats]:
    """Nodes and weights as arrays (probes, steps); shorter rules repeat their last node with weight zero."""
    steps = max(len(nodes) for nodes, _ in rules)
    nodes = np.stack([np.pad(nodes, (0, steps - len(nodes)), mode="edge") for nodes, _ in rules])
    weights = np.stack([np.pad(weights, (0, steps - len(weights))) for _, weights in rules])
    return nodes, weights * mass


def _assemble(
    product: Product, outliers: Floats, bounds: Floats, bulk: _Bulk, width: float, how: str
) -> SpectralDensity:
    everything = np.concatenate([outliers, bulk.nodes.ravel()])
    none = np.empty(0)
    unfinished = SpectralDensity(
        grid=none,
        density=none,
        error=none,
        width=width,
        outliers=outliers,
        outlier_error=bounds,
        negative_mass=Estimate(0.0, 0.0, how, product.count),
        eigenvalue_range=np.array([everything.min(), everything.max()]),
        nodes=bulk.nodes,
        weights=bulk.weights,
        closed=bulk.closed,
        rounding=product.rounding,
        size=product.size,
        how=how,
        products=product.count,
    )
    grid = _grid(everything, width)
    smoothed = unfinished.at(grid)
    return replace(
        unfinished,
        grid=grid,
        density=smoothed.value,
        error=smoothed.error,
        negative_mass=_as_floats(unfinished.cumulative(-product.rounding)),
    )


def _as_floats(estimate: Estimate) -> Estimate:
    return replace(estimate, value=float(estimate.value), error=float(estimate.error))


def _width(bulk: Floats, everything: Floats, steps: int) -> float:
    """What the steps resolve, 1.5 times the bulk's range over them, but no less than the grid can show."""
    whole = max(float(np.ptp(everything)), float(np.max(np.abs(everything))))
    return max(1.5 * float(np.ptp(bulk)) / steps, 1e-4 * whole) or 1.0


def _grid(centres: Floats, width: float) -> Floats:
    """Half a width apart within reach of the centres; coarser elsewhere, where the density vanishes."""
    low, high = centres.min() - _REACH * width, centres.max() + _REACH * width
    count = int(np.ceil(2 * (high - low) / width)) + 1
    grid = np.linspace(low, high, count)
    ordered = np.sort(centres)
    nearest = np.searchsorted(ordered, grid)
    left = grid - ordered[np.maximum(nearest - 1, 0)]
    right = ordered[np.minimum(nearest, len(ordered) - 1)] - grid
    near = np.minimum(np.abs(left), np.abs(right)) <= _REACH * width
    return grid[near | (np.arange(count) % 16 == 0)]


def _mass_of_atoms(nodes: Floats, weights: Floats, points: Floats, rounding: float) -> tuple[Floats, Floats]:
    """Mass below the points where the nodes are eigenvalues, and the mass that rounding may bring across."""
    middle = np.concatenate([[0.0], np.cumsum(weights)])[np.searchsorted(nodes, points)]
    doubtful = np.abs(nodes - points[..., None]) <= rounding
    return middle, doubtful @ weights


def _mass_of_rule(nodes: Floats, weights: Floats, points: Floats, rounding: float) -> tuple[Floats, Floats]:
    """Mass below the points from a Gauss rule, and the Chebyshev–Markov–Stieltjes bound on its error."""
    del rounding  # the bound always leaves the nearest nodes open
    ends = np.concatenate([[0.0], np.cumsum(weights)])
    below = np.searchsorted(nodes, points)
    lower, upper = ends[np.maximum(below - 1, 0)], ends[np.minimum(below + 1, len(nodes))]
    middle = np.interp(points, nodes, (ends[1:] + ends[:-1]) / 2, left=0.0, right=ends[-1])
    return middle, np.maximum(upper - middle, middle - lower)


def _gaussian(distance: Floats, sigma: float) -> Floats:
    return np.exp(-((distance / sigma) ** 2) / 2) / (sigma * np.sqrt(2 * np.pi))


def _standard_error(probes: Floats) -> Floats:
    count = len(probes)
    if count == 1:
        return np.zeros(probes.shape[1:])
    return np.std(probes, axis=0, ddof=1) / np.sqrt(count) * student_widening(count)
