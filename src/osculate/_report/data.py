"""What a report says, as data: frozen values that the page, the terminal and the JSON file all read."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

SCHEMA = "osculate.report/1"


def installed_version() -> str:
    """Version of osculate, or "uninstalled" where it runs from its sources."""
    try:
        return version("osculate")
    except PackageNotFoundError:
        return "uninstalled"


@dataclass(frozen=True)
class Number:
    """A measured number: what it is, its value and error, how it was obtained and what it took.

    ``error`` is None for an exact number. ``key`` is its short name in the JSON file, ``label`` its name in words.
    """

    key: str
    label: str
    value: float
    error: float | None
    how: str
    products: int


@dataclass(frozen=True)
class Spectrum:
    """Eigenvalues of the Hessian, and their density where they are too many to list.

    Attributes
    ----------
    exact : bool
        Whether ``eigenvalues`` are all of them, from the dense matrix.
    eigenvalues, errors : tuple of float
        In ascending order; for a large problem only those at the two ends.
    lower : int
        How many of them were found from the lower end; the others are the largest ones.
    resolution : float
        Size up to which the density cannot tell an eigenvalue from 0: twice the width of its smoothing.
    grid, density, density_error : tuple of float
        Spectral density over λ (its integral is 1), smoothed by half of ``resolution``, or by 8 % of
        |λ| where that is more, and its standard error; empty if ``exact``.
    """

    exact: bool
    eigenvalues: tuple[float, ...]
    errors: tuple[float, ...]
    lower: int = 0
    resolution: float = 0.0
    grid: tuple[float, ...] = ()
    density: tuple[float, ...] = ()
    density_error: tuple[float, ...] = ()


@dataclass(frozen=True)
class Layer:
    """One leaf of the parameters: its own diagonal block of the Hessian, and its part of the top eigenvector.

    ``mass`` is the share of the top eigenvector's squared length that lies in this leaf; the masses add up to 1.
    """

    name: str
    shape: tuple[int, ...]
    size: int
    trace: Number | None
    top: Number | None
    mass: float | None


@dataclass(frozen=True)
class Slice:
    """The function along one unit direction v: f(x + t v) at ``distances`` t, and its quadratic model there.

    ``slope`` and ``curvature`` are vᵀ∇f and vᵀHv; ``reach`` is the distance at which the third- and fourth-order terms
    grow as large as half the second-order one (None where there are none: the function is quadratic along v).
    """

    key: str
    label: str
    slope: float
    curvature: float
    reach: float | None
    distances: tuple[float, ...]
    values: tuple[float, ...]
    model: tuple[float, ...]


@dataclass(frozen=True)
class TrainingRun:
    """Sharpness and loss of one run over its steps.

    Attributes
    ----------
    label : str
        Name of the run in the picture's legend.
    learning_rate : float
        Its step size η.
    threshold : float
        The sharpness at which its optimizer stops being stable, 2/η for gradient descent.
    steps, sharpness, error : tuple of float
        Sharpness λ_max and its residual bound after so many steps.
    loss_steps, losses : tuple of float
        The loss, at steps of its own.
    ratios : tuple of float
        Sharpness in units of the threshold; follows from the others.
    """

    label: str
    learning_rate: float
    threshold: float
    steps: tuple[float, ...]
    sharpness: tuple[float, ...]
    error: tuple[float, ...]
    loss_steps: tuple[float, ...] = ()
    losses: tuple[float, ...] = ()

    ratios: tuple[float, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ratios", tuple(value / self.threshold for value in self.sharpness))


@dataclass(frozen=True)
class Stability:
    """The sharpness an optimizer feels, against the largest that it stands.

    ``sharpness`` is λ_max(H), for Adam λ_max(P⁻¹H); ``threshold`` is None without a step size, ``ratio`` is None
    where one of the two is missing. ``formula`` and ``source`` say where the threshold comes from.
    """

    optimizer: str
    learning_rate: float | None
    momentum: float | None
    threshold: float | None
    sharpness: Number | None
    ratio: float | None
    formula: str
    source: str


@dataclass(frozen=True)
class Missing:
    """Something that could not be measured: what, why, and what would make it possible."""

    what: str
    why: str
    remedy: str


@dataclass(frozen=True)
class ReportData:
    """Everything on the page. ``to_json`` gives it as plain dictionaries and lists, with null for NaN and None.

    ``size`` is the number of unknowns n, ``dtype`` the precision computed in, ``products`` the Hessian-vector products
    that all of it took (several numbers may come from the same ones), ``kind`` that of the point.
    """

    title: str
    version: str
    verdict: str
    advice: tuple[str, ...]
    size: int
    dtype: str
    kind: str | None
    numbers: tuple[Number, ...]
    stability: Stability
    spectrum: Spectrum | None
    training: tuple[TrainingRun, ...]
    layers: tuple[Layer, ...]
    slices: tuple[Slice, ...]
    missing: tuple[Missing, ...]
    products: int
    interrupted: bool = False
    notes: tuple[str, ...] = ()

    def number(self, key: str) -> Number | None:
        """Measured number of that key, or None if it could not be measured."""
        return next((number for number in self.numbers if number.key == key), None)

    def to_json(self) -> dict[str, Any]:
        """Plain data for ``json.dumps``."""
        return {"schema": SCHEMA, **plain(dataclasses.asdict(self))}


def plain(value: Any) -> Any:
    """``value`` with lists for tuples and None for numbers that JSON has no name for (NaN, infinities)."""
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
