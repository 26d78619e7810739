"""Values that say how they were obtained."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Estimate:
    """A number, or an array of numbers, that is not exact: it carries its error and how it was obtained.

    Exact results (algorithmic derivatives, which only round) are plain arrays; everything else is an ``Estimate``. It
    converts with ``float()`` and ``numpy.asarray()``, and prints as ``value ± error (how)``.

    Attributes
    ----------
    value : float or array
        The estimate itself.
    error : float or array
        Its error bar, of the shape of ``value``. ``how`` says what the bar means: a standard error, a residual bound.
    how : str
        Begins with the kind (``estimate`` or ``numerical`` or ``certified``), then the method.
    products : int
        How many products (or evaluations) it took.

    Examples
    --------
    >>> trace = Estimate(4.0, 0.5, "estimate ± standard error: XTrace", 10)
    >>> float(trace)
    4.0
    >>> print(trace)
    4 ± 0.5 (estimate ± standard error: XTrace, 10 products)
    """

    value: Any
    error: Any
    how: str = field(metadata={"static": True})
    products: int = field(metadata={"static": True})

    def __float__(self) -> float:
        return float(self.value)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        return np.array(self.value, dtype=dtype) if copy else np.asarray(self.value, dtype=dtype)

    def __str__(self) -> str:
        if np.ndim(self.value) == 0:
            return f"{float(self.value):.6g} ± {float(self.error):.2g} ({self.how}, {self.products} products)"
        return f"{np.asarray(self.value)} ± {np.asarray(self.error)} ({self.how}, {self.products} products)"
