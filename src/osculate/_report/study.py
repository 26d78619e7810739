"""A study in progress: the function at its point, its Hessian as products, and what has been measured so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from osculate._arguments import Point, point
from osculate._errors import WrongInput
from osculate._operators import hessian_operator
from osculate._trace import precision_of

from .data import Layer, Missing, Number, Slice, Spectrum, Stability

Array = NDArray[Any]
ASKED = "osculate.report"
DENSE = 500
"""Up to so many unknowns the whole matrix is formed: its spectrum is then exact, in less time than estimates take."""


@dataclass(eq=False)
class Study:
    """What the stages of the analysis work on, one after the other.

    It changes while the stages run, on purpose: when one fails or the user presses Ctrl-C, what the others have
    measured is still there. Vectors are flat, (n,), in the order of the leaves of ``x``.
    """

    function: Callable[..., Any]
    x: Any
    data: tuple[Any, ...]
    here: Point
    operator: Any
    key: int
    products: int
    spent: int = 0
    matrix: Array | None = None
    eigenvalues: Array | None = None
    vectors: Array | None = None
    kind: str | None = None
    numbers: list[Number] = field(default_factory=list)
    spectrum: Spectrum | None = None
    stability: Stability | None = None
    layers: list[Layer] = field(default_factory=list)
    slices: list[Slice] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    interrupted: bool = False

    @property
    def size(self) -> int:
        """Number of unknowns n."""
        return int(self.operator.shape[0])

    @property
    def dense(self) -> bool:
        """Whether the problem is small enough for its whole Hessian matrix."""
        return self.size <= DENSE

    @property
    def gradient(self) -> Array:
        """∇f(x), (n,)."""
        return flat(self.operator.gradient)

    @property
    def leaves(self) -> list[tuple[str, tuple[int, ...], slice]]:
        """Name, shape and place in the flat vector of each leaf of ``x``."""
        places: list[tuple[str, tuple[int, ...], slice]] = []
        start = 0
        for path, leaf in jax.tree_util.tree_flatten_with_path(self.x)[0]:
            stop = start + int(np.size(leaf))
            places.append((leaf_name(path), np.shape(leaf), slice(start, stop)))
            start = stop
        return places

    def measured(
        self, key: str, label: str, value: Any, error: Any, how: str, products: int = 0, *, spend: bool = True
    ) -> Number:
        """Note a number, count its products (once, where several numbers share them) and give it back."""
        number = Number(key, label, float(value), None if error is None else float(error), how, int(products))
        self.numbers.append(number)
        self.spent += int(products) * spend
        return number

    def number(self, key: str) -> Number | None:
        """Find a number noted before, or None."""
        return next((number for number in self.numbers if number.key == key), None)


def begin(function: Callable[..., Any], x: Any, data: tuple[Any, ...], *, key: int, products: int) -> Study:
    """Trace the function, linearise its gradient at ``x`` and check that both are numbers.

    Raises
    ------
    WrongInput
        If the function or its gradient is NaN or infinite at ``x``.
    """
    with precision_of((x, *data), {}).context():
        here = point(ASKED, function, (x, *data))
    here.require_scalar()
    operator = hessian_operator(function)(x, *data)
    study = Study(function, x, data, here, operator, key, products)
    value = float(np.asarray(operator.value))
    name = function_name(function)
    if not np.isfinite(value):
        raise here.error(
            WrongInput,
            f"{name} is {value} at this point, so there is nothing to analyse",
            "go back to a point where it is finite (the parameters some steps earlier, before the loss overflowed)",
        )
    bad = [place for place, _, part in study.leaves if not np.isfinite(study.gradient[part]).all()]
    if bad:
        raise here.error(
            WrongInput,
            f"{name} is {value:g} at this point, but its gradient is not finite in {', '.join(bad)}",
            "mend the derivative first: square roots and norms at 0, and divisions inside `where`, do this",
        )
    study.measured("value", f"value of {name}", value, None, "exact: evaluated once")
    norm = np.linalg.norm(study.gradient)
    study.measured("gradient_norm", "length of the gradient", norm, None, "exact: algorithmic derivative")
    return study


def function_name(function: Callable[..., Any]) -> str:
    """Name of a function as its author calls it; f for one without a name."""
    name = getattr(function, "__name__", type(function).__name__)
    return "f" if name == "<lambda>" else name


def flat(vector: Any) -> Array:
    """Any pytree or array of numbers as one flat NumPy vector, in double precision."""
    return np.concatenate([np.ravel(np.asarray(leaf, np.float64)) for leaf in jax.tree.leaves(vector)])


def leaf_name(path: tuple[Any, ...]) -> str:
    """Name of a leaf as a user would say it: ``layer1.weights``, ``0.bias``; ``x`` for a bare array."""
    parts = [str(getattr(entry, "key", getattr(entry, "name", getattr(entry, "idx", entry)))) for entry in path]
    return ".".join(parts) or "x"
