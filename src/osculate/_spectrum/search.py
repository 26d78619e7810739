"""The search for the ends of a spectrum: run Lanczos, then look for what it may have missed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from osculate._spectrum.lanczos import Krylov, lanczos
from osculate._spectrum.product import Floats, Product
from osculate._spectrum.ritz import Ritz, ritz

RISK = 1e-3  # the probability, at most, with which a search that says "verified" has missed an eigenvalue


@dataclass(frozen=True)
class Wanted:
    """How many eigenvalues at which end of the spectrum."""

    largest: int
    smallest: int

    @property
    def least(self) -> int:
        """How many Ritz values there must be at least."""
        return max(self.largest, self.smallest)

    def indices(self, count: int) -> list[int]:
        """Positions among ``count`` ascending values: the largest descending, then the smallest ascending."""
        return [*range(count - 1, count - 1 - self.largest, -1), *range(self.smallest)]


@dataclass(frozen=True)
class Search:
    """What was found: Ritz pairs over all runs, and whether they are known to be the ends of the spectrum."""

    runs: tuple[Krylov, ...]
    pairs: Ritz
    verified: bool
    converged: bool

    @property
    def products(self) -> int:
        """Steps of all runs."""
        return sum(run.steps for run in self.runs)

    @property
    def complete(self) -> bool:
        """Whether the runs fill the whole space, so that nothing can be missing."""
        return self.products == len(self.runs[0].residual)

    def bounds(self) -> Floats:
        """Error bound of each Ritz value, without rounding: quadratic in the residual only if verified."""
        return self.pairs.quadratic_bounds() if self.verified else self.pairs.residuals

    def vectors(self, indices: list[int]) -> Floats:
        """Ritz vectors, shape (n, len(indices))."""
        ends = np.cumsum([run.steps for run in self.runs])
        columns = self.pairs.coordinates[:, indices]
        parts = [run.basis @ columns[end - run.steps : end] for run, end in zip(self.runs, ends.tolist(), strict=True)]
        return np.sum(parts, axis=0)

    def worst_residual(self, wanted: Wanted) -> Floats:
        """Hy − θy of the wanted pair that is farthest from convergence, split by run: shape (n, runs)."""
        count = len(self.pairs.values)
        candidates = np.asarray(wanted.indices(count)) if count >= wanted.least else np.arange(count)
        worst = candidates[np.argmax(self.pairs.residuals[candidates])]
        last = np.cumsum([run.steps for run in self.runs]) - 1
        return self.pairs.leftover * self.pairs.coordinates[last, worst]

    def goes_elsewhere(self, wanted: Wanted) -> bool:
        """Whether the worst residual lies mostly where the last run does not lead."""
        parts = self.worst_residual(wanted)
        return bool(np.linalg.norm(parts[:, :-1].sum(axis=1)) > np.linalg.norm(parts[:, -1]))


def search(
    product: Product, wanted: Wanted, budget: int, tolerance: float | None, generator: np.random.Generator
) -> Search:
    """Run Lanczos until the wanted pairs have converged and nothing is missing, or the budget is spent.

    One Krylov space holds one vector of each eigenspace, so a repeated eigenvalue shows once, and a pair of close ones
    can pass for one. After the first run has converged, a second one starts from a random vector orthogonal to
    everything found. It sees the operator on the complement: a missed eigenvalue beyond the wanted ones would be its
    extreme one, and the theorem of Kuczyński and Woźniakowski says how soon a random start must show it. What it finds
    joins the Rayleigh–Ritz projection; then a run goes on from the largest residual, or from another random vector,
    until nothing is left to do.

    Parameters
    ----------
    product : Product
    wanted : Wanted
    budget : int
        Most products.
    tolerance : float, optional
        Relative to ‖H‖; ``None`` means down to rounding.
    generator : numpy.random.Generator
        Draws the starting vectors.
    """
    limit = min(budget, product.size)
    found = _extend(_Task(product, wanted, limit, tolerance), None, generator.standard_normal(product.size), True)
    while found.products < limit and not (found.verified and found.converged):
        task = _Task(product, wanted, limit, tolerance)
        residual = np.zeros(1) if found.converged else found.worst_residual(wanted).sum(axis=1)
        # a residual of rounding size says nothing about where to go on
        if np.linalg.norm(residual) > product.rounding:
            found = _extend(task, found, residual, False)
        else:
            found = _extend(task, found, generator.standard_normal(product.size), True)
    return found


@dataclass(frozen=True)
class _Task:
    product: Product
    wanted: Wanted
    limit: int
    tolerance: float | None

    @property
    def slack(self) -> float:
        return allowance(self.product, self.tolerance)


def _extend(task: _Task, found: Search | None, start: Floats, is_random: bool) -> Search:
    """Add one run of Lanczos from ``start``, until it has served its purpose.

    The first run and a run from a residual serve convergence; a later run from a random vector serves to make sure
    that nothing was missed, and ends when that is settled either way.
    """
    finished = found.runs if found else ()
    avoid = np.hstack([run.basis for run in finished]) if finished else None
    verifies = is_random and bool(finished)
    for run in lanczos(task.product, start, avoid):
        total = (found.products if found else 0) + run.steps
        last = run.invariant or total == task.limit
        if not last and not _is_due(total):
            continue
        runs = (*finished, run)
        pairs = ritz(runs)
        verdict = _look_for_missed(task, pairs, run) if verifies else "open"
        complete = total == task.product.size
        verified = (found is not None and found.verified) or verdict == "nothing missed" or complete
        now = Search(runs, pairs, verified, _has_converged(task, pairs))
        settled = verdict != "open" if verifies else now.converged or now.goes_elsewhere(task.wanted)
        if last or settled:
            return now
    raise AssertionError("a run of Lanczos says itself which step is its last")


def _is_due(total: int) -> bool:
    """Look after every step at first, then about sixteen times for each doubling: a look costs m³."""
    return total % max(1, total // 16) == 0


def allowance(product: Product, tolerance: float | None) -> float:
    """The error bound at which a Ritz value counts as converged."""
    return product.rounding if tolerance is None else max(product.rounding, tolerance * product.scale)


def _has_converged(task: _Task, pairs: Ritz) -> bool:
    count = len(pairs.values)
    if count < task.wanted.least:
        return False
    return bool(np.all(pairs.quadratic_bounds()[task.wanted.indices(count)] <= task.slack))


def _look_for_missed(task: _Task, pairs: Ritz, run: Krylov) -> Literal["open", "nothing missed", "found"]:
    """Whether a run on the complement of all others has shown, or would have shown, an eigenvalue beyond the wanted."""
    alone = ritz([run])
    verdicts: list[str] = []
    for count, sign in ((task.wanted.largest, 1.0), (task.wanted.smallest, -1.0)):
        if not count:
            continue
        if count > len(pairs.values):
            return "found" if run.invariant else "open"
        outward = np.sort(sign * pairs.values)
        threshold, far_end = outward[-count], outward[0]
        extreme = int(np.argmax(sign * alone.values))
        reached = sign * alone.values[extreme]
        if run.invariant or alone.residuals[extreme] <= task.slack:
            # a further copy of the last wanted eigenvalue is no news
            verdicts.append("nothing missed" if reached <= threshold + task.slack else "found")
        elif _probability_missed(task.product.size, run.steps, threshold - reached, threshold - far_end) <= RISK:
            verdicts.append("nothing missed")
        else:
            return "open"
    return "found" if "found" in verdicts else "nothing missed"


def shortfall(size: int, steps: int, spread: float) -> float:
    """How far the extreme Ritz value of a random run may be from the extreme eigenvalue, but for a probability of RISK.

    The theorem of ``_probability_missed`` the other way round; ``spread`` is that of the Ritz values, which either end
    may exceed by the shortfall itself. Infinite while the steps are too few to say anything.
    """
    relative = (np.log(1.648 * np.sqrt(size) / RISK) / (2 * steps - 1)) ** 2
    return float(relative * spread / (1 - 2 * relative)) if relative < 0.5 else np.inf


def _probability_missed(size: int, steps: int, distance: float, spread: float) -> float:
    """Bound on the probability that Lanczos from a random start stays short of the extreme eigenvalue by that much.

    1.648 √n exp(−√ε (2m − 1)) with ε = distance/spread: Kuczyński and Woźniakowski, SIAM J. Matrix Anal. Appl. 13
    (1992) 1094, theorem 4.2.
    """
    if distance <= 0:
        return 1.0
    relative = min(1.0, distance / spread)
    return float(1.648 * np.sqrt(size) * np.exp(-np.sqrt(relative) * (2 * steps - 1)))
