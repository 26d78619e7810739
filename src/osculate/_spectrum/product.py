"""The one door to an operator: products with it, counted and checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from osculate._errors import WrongInput, WrongType

Floats = npt.NDArray[np.float64]

_COLUMNS_AT_ONCE = 64  # bounds the memory of a product with many columns


@dataclass
class Product:
    """Products with a symmetric operator: in float64 outside, in the operator's own dtype inside.

    Attributes
    ----------
    operator : object
        Has ``shape``, ``dtype`` and ``@``.
    asked : str
        The public call, for the messages of errors.
    size : int
        n, for an operator of shape (n, n).
    precision : float
        Machine epsilon of the operator's dtype.
    count : int
        Products so far; a block of m columns counts m.
    scale : float
        The largest ‖Hv‖/‖v‖ seen: a lower estimate of ‖H‖ that the first few steps of Lanczos make sharp.
    defect : float
        The largest violation of symmetry seen, |u·Hv − v·Hu| of unit vectors: a measure of the products' own rounding.
    """

    operator: Any
    asked: str
    size: int
    precision: float
    dtype: np.dtype[Any]
    count: int = 0
    scale: float = 0.0
    defect: float = 0.0

    @property
    def rounding(self) -> float:
        """What rounding may add to a result: n·ε·‖H‖, or the asymmetry that was seen if that is larger."""
        return max(self.size * self.precision * self.scale, self.defect)

    def __call__(self, vectors: Floats) -> Floats:
        """H times a vector (n,) or a block (n, m), as float64."""
        if vectors.ndim == 1:
            return self._apply(vectors)
        starts = range(0, vectors.shape[1], _COLUMNS_AT_ONCE)
        return np.hstack([self._apply(vectors[:, start : start + _COLUMNS_AT_ONCE]) for start in starts])

    def _apply(self, vectors: Floats) -> Floats:
        try:
            image = np.asarray(self.operator @ vectors.astype(self.dtype)).astype(np.float64)
        except jax.errors.TracerArrayConversionError as error:
            raise WrongType(
                self.asked,
                "the operator is being traced (by jit, vmap or grad), and a spectrum is found by looking at numbers",
                remedy="call it outside of the transformation, on concrete values",
            ) from error
        if image.shape != vectors.shape:
            raise WrongInput(
                self.asked,
                f"the operator times an array of shape {vectors.shape} gave shape {image.shape}",
                remedy="make `op @ v` return an array of the shape of v",
            )
        self._check_finite(image)
        self.count += 1 if vectors.ndim == 1 else vectors.shape[1]
        lengths = np.linalg.norm(vectors, axis=0)
        growth = np.linalg.norm(image, axis=0)[lengths > 0] / lengths[lengths > 0]
        self.scale = max(self.scale, float(np.max(growth, initial=0.0)))
        return image

    def _check_finite(self, image: Floats) -> None:
        finite = np.isfinite(image)
        if finite.all():
            return
        column = 0 if image.ndim == 1 else int(np.argmin(finite.all(axis=0)))
        count = int(self.size - np.sum(finite if image.ndim == 1 else finite[:, column]))
        raise WrongInput(
            self.asked,
            f"product number {self.count + column + 1} is not finite: {count} of its {self.size} entries are NaN "
            "or infinite",
            remedy="evaluate the function and its gradient at this point; the Hessian is not finite there",
        )

    def check_symmetry(self, defect: float) -> None:
        """Note a violation of symmetry, |u·Hv − v·Hu| of unit vectors; an error if rounding cannot explain it.

        Every Krylov and every sketch shows u·Hv and v·Hu for its own vectors, so the check costs no product. Products
        that lose half of their digits are still believed (and the loss goes into the error bars); worse ones are not.
        """
        self.defect = max(self.defect, defect)
        if defect > np.sqrt(self.precision) * self.scale:
            raise WrongInput(
                self.asked,
                f"the operator is not symmetric: u·Hv and v·Hu differ by {defect:.3g} for unit vectors u, v, "
                f"where ‖H‖ is about {self.scale:.3g}",
                remedy="pass a symmetric operator, for instance (A + A.T) / 2, or A.T @ A for singular values",
            )

    def matrix(self) -> Floats:
        """The dense matrix, by n products; symmetrised after the check."""
        dense = self(np.eye(self.size))
        self.scale = max(self.scale, float(np.linalg.norm(dense, 2)))
        self.check_symmetry(float(np.max(np.abs(dense - dense.T))))
        return (dense + dense.T) / 2


def product_of(op: Any, asked: str) -> Product:
    """Check an operator once, at the boundary, and make it countable.

    Raises
    ------
    WrongType
        If ``op`` has no shape, dtype or product, or is complex.
    WrongInput
        If it is not square or is empty.
    """
    if isinstance(op, (np.ndarray, jax.Array)):
        op = np.asarray(op)
    if not hasattr(op, "shape") or not hasattr(op, "dtype") or not hasattr(op, "__matmul__"):
        raise WrongType(
            asked,
            f"`op` must be a square operator with `shape`, `dtype` and `op @ v`, got {type(op).__name__}",
            remedy="pass osculate.hessian_operator(f)(x), a SciPy LinearOperator or a symmetric array",
        )
    shape = tuple(int(length) for length in op.shape)
    if len(shape) != 2 or shape[0] != shape[1]:
        raise WrongInput(asked, f"`op` must be square, got shape {shape}", remedy="pass an operator of shape (n, n)")
    if shape[0] == 0:
        raise WrongInput(asked, "`op` is empty: shape (0, 0)", remedy="pass an operator with at least one row")
    dtype = np.dtype(np.float64 if op.dtype is None else op.dtype)
    if jnp.issubdtype(dtype, jnp.complexfloating):
        raise WrongType(
            asked, f"`op` is complex ({dtype}); only real symmetric operators are read", remedy="pass a real operator"
        )
    if not jnp.issubdtype(dtype, jnp.floating):
        dtype = np.dtype(np.float64)
    return Product(op, asked, shape[0], float(jnp.finfo(dtype).eps), dtype)


def whole_number(value: Any, name: str, asked: str, *, least: int, why: str) -> int:
    """A count given by the user: an integer, at least ``least``."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise WrongType(asked, f"`{name}` must be an integer, got {value!r}", remedy=f"pass {name}={least} or more")
    if value < least:
        raise WrongInput(asked, f"`{name}` is {value}, but {why}", remedy=f"pass {name}={least} or more")
    return int(value)
