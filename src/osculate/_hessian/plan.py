"""Which way to a Hessian is cheapest, and why: chosen by counting operations and bytes on shapes, before compiling."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax

from osculate._arguments import Argnums, Point, transform
from osculate._compiled import trace_key
from osculate._errors import WrongInput
from osculate._linear import DEFAULT_MEMORY, memory_in_bytes
from osculate._structure import Fallback, Structure, index_constants

from .candidates import Candidate, Candidates, candidates
from .chunked import beside_result
from .options import HESSIANS, SPARSE, require

_ASKED = "osculate.hessian_plan"

_HANDICAP = {"structured": 1.15, "coloured": 1.4, "chunked": 1.0, "full": 1.0}
"""A way that depends on more has to win clearly: counts are not times."""

_REASONS = {
    "structured": "its arrays, counted once each, are less work than products with vectors",
    "coloured": "columns that do not meet share a product",
    "chunked": "all columns at once would outgrow the cache or the memory",
    "full": "all columns fit side by side, and nothing else is less work",
}

_KEPT = 64
_plans: OrderedDict[Hashable, Plan] = OrderedDict()


@dataclass(frozen=True)
class Way:
    """One way to the Hessian, as counted: products with vectors, operations, temporary bytes, and time.

    ``ratio`` is the modelled time over that of the cheapest way; ``refused`` says why a way cannot be taken.
    """

    kind: str
    products: int
    flops: float
    bytes: float
    ratio: float
    refused: str = ""

    @property
    def line(self) -> str:
        """A row of the table."""
        if self.refused:
            return f"  {self.kind:<11}not possible: {self.refused}"
        products = f"{self.products:,}" if self.products else "–"
        return f"  {self.kind:<11}{products:>9}{_short(self.flops):>9}{_short(self.bytes):>10}B{self.ratio:>10.1f} ×"


@dataclass(frozen=True)
class Plan:
    """How a Hessian is best computed. ``print`` shows what, why, and why not the others.

    Attributes
    ----------
    kind : {"structured", "coloured", "chunked", "full"}
        The cheapest way.
    size : int
        n, the number of entries of the point.
    colours : int or None
        Products that a coloured Hessian takes; None where the pattern is too full for that, or not known.
    nnz : int or None
        Entries of the pattern, both triangles; None in the same cases.
    flops, bytes : float
        Operations, and temporary bytes beside the result, of the chosen way, counted from shapes.
    fallbacks : tuple of Fallback
        Primitives that were read as coupling everything with everything, each with the user's line.
    reason : str
        Why this way.
    ways : tuple of Way
        All four, with their counts.
    """

    kind: str
    size: int
    colours: int | None
    nnz: int | None
    flops: float
    bytes: float
    fallbacks: tuple[Fallback, ...]
    reason: str
    ways: tuple[Way, ...] = field(repr=False)

    def __str__(self) -> str:
        lines = [f"{self.kind}: {self.reason}"]
        pattern = "" if self.nnz is None else f", {self.nnz:,} entries in {self.colours} colours"
        lines.append(f"  n = {self.size:,}{pattern}")
        lines.append(f"  {'':<11}{'products':>9}{'flops':>9}{'bytes':>11}{'time':>12}")
        lines += [way.line for way in self.ways]
        lines += [f"  read as dense: {f.primitive} ({f.where or 'place unknown'}): {f.reason}" for f in self.fallbacks]
        return "\n".join(lines)


def hessian_plan(
    f: Callable[..., Any],
    argnums: Argnums = 0,
    has_aux: bool = False,
    *,
    output: str = "matrix",
    memory: int | str | None = None,
) -> Callable[..., Plan]:
    """How the Hessian of a scalar function is best computed: by its structure, by colours, or column by column.

    Parameters
    ----------
    f : callable
        Returns one real number; written with JAX or with plain NumPy.
    argnums : int or sequence of int
        The positional arguments to differentiate with respect to.
    has_aux : bool
        Whether ``f`` returns a pair (value, auxiliary).
    output : {"tree", "matrix", "sparse", "lower"}
        The result that is planned for, as for ``hessian``.
    memory : int or str, optional
        Bound on the memory of result and temporaries, as for ``hessian``.

    Returns
    -------
    callable
        Takes the arguments of ``f``; returns the ``Plan``. Nothing is compiled and no derivative is computed: a plan
        depends on shapes, and on the indices that f reads by, alone.

    Raises
    ------
    WrongInput, WrongType, Unreadable
        For an unknown ``output`` or ``memory``, a ``memory`` below the size of the result, a sparse result that is far
        too full, and whatever ``hessian`` refuses.

    Notes
    -----
    Four ways are counted. ``structured``: edge pushing on arrays (Gower and Mello, *Optimization Methods and Software*
    27 (2012)). ``coloured``: one product for each colour of a star colouring (Gebremedhin, Manne and Pothen, *SIAM
    Review* 47 (2005), section 4). ``chunked`` and ``full``: products with all n unit vectors, some or all side by side.
    A loop whose length is not known counts as ten steps.

    Examples
    --------
    A chain of variables, each of which meets the next one only, needs three products:

    >>> import numpy as np, osculate
    >>> plan = osculate.hessian_plan(lambda x: ((x[1:] - x[:-1] ** 2) ** 2).sum())(np.ones(1000))
    >>> plan.colours, plan.nnz
    (3, 2998)

    Four unknowns behind wide layers are left to four products:

    >>> A, B = np.ones((300, 4)), np.ones((300, 300)) / 300
    >>> osculate.hessian_plan(lambda x: (np.tanh(B @ np.tanh(A @ x)) ** 2).sum())(np.ones(4)).kind
    'full'
    """
    require(_ASKED, "output", output, HESSIANS)
    budget = memory_in_bytes(memory, _ASKED)
    return transform(_ASKED, f, partial(_planned, output, budget, memory is not None), argnums=argnums, has_aux=has_aux)


def _planned(output: str, budget: int, in_all: bool, point: Point) -> Plan:
    point.require_scalar()
    if in_all and output not in SPARSE:
        budget = beside_result(point, budget, pieces=output == "tree")
    return plan_at(point, output, budget)


def plan_at(point: Point, output: str, memory: int = DEFAULT_MEMORY) -> Plan:
    """The plan at a point that a transform has read already; ``memory`` bounds temporaries.

    Plans are kept by what the trace does and the shapes it does it to.
    """
    trace = trace_key(point.trace)
    if trace is None:
        return _chosen(point, candidates(point, output, memory))
    key = (trace, index_constants(point.trace), jax.tree.structure(point.primals), output, memory)
    plan = _plans.pop(key, None) or _chosen(point, candidates(point, output, memory))
    _plans[key] = plan
    while len(_plans) > _KEPT:
        _plans.popitem(last=False)
    return plan


def _chosen(point: Point, found: Candidates) -> Plan:
    open_ways = [way for way in found.ways if not way.refused]
    if not open_ways:
        raise point.error(
            WrongInput,
            "there is no way to this sparse Hessian: " + "; ".join(f"{w.kind}: {w.refused}" for w in found.ways[:2]),
            "osculate.hessian_operator(f)(x) gives products without forming it",
        )
    best = min(open_ways, key=lambda way: way.work.seconds * _HANDICAP[way.kind])
    least = min(way.work.seconds for way in open_ways) or 1.0
    pattern = found.pattern
    return Plan(
        kind=best.kind,
        size=found.size,
        colours=None if pattern is None else pattern.colouring.count,
        nnz=None if pattern is None else len(pattern.rows),
        flops=best.work.flops,
        bytes=best.bytes,
        fallbacks=found.structure.fallbacks if isinstance(found.structure, Structure) else (),
        reason=_REASONS[best.kind],
        ways=tuple(_way(way, least) for way in found.ways),
    )


def _way(found: Candidate, least: float) -> Way:
    work = found.work
    return Way(found.kind, found.products, work.flops, found.bytes, work.seconds / least, found.refused)


def _short(number: float) -> str:
    for unit, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number:.3g} "
