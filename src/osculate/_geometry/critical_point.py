"""What kind of point a point is: minimum, maximum, saddle, degenerate or regular."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from osculate._arguments import Argnums, Point, refuse_tracers, transform
from osculate._compiled import computed
from osculate._errors import WrongInput
from osculate._hessian.hessian import derivatives
from osculate._linear import DEFAULT_MEMORY
from osculate._operators.hessian import of_point
from osculate._spectrum.eigenvalues import eigenvalues

from .rounding import rounding, table

_ASKED = "osculate.classify"

LARGEST_DENSE = 2000
"""Variables up to which all eigenvalues are computed; above, the extreme ones by Lanczos."""

_EXTREMES = 3
"""Eigenvalues computed at each end in more variables."""


@dataclass(frozen=True, eq=False)
class CriticalPoint:
    """The kind of a point, with the numbers that decided it.

    Attributes
    ----------
    kind : str
        ``"minimum"``, ``"maximum"``, ``"saddle"`` (negative and positive eigenvalues), ``"degenerate"`` (an eigenvalue
        is zero and the others do not differ in sign: second derivatives do not decide), or ``"regular"`` (the gradient
        is not zero).
    index : int
        How many eigenvalues of the Hessian are negative.
    eigenvalues : numpy.ndarray
        Eigenvalues of the Hessian, ascending; in more than 2000 variables, the extreme ones that were computed.
    gradient_norm : float
        ‖∇f‖.
    gradient_tolerance : float
        Up to where ``gradient_norm`` counts as zero.
    eigenvalue_tolerance : float
        Up to where an |eigenvalue| counts as zero.
    zeros : int
        How many do.
    how : str
        How the eigenvalues were obtained.
    """

    kind: str
    index: int
    eigenvalues: np.ndarray[Any, Any]
    gradient_norm: float
    gradient_tolerance: float
    eigenvalue_tolerance: float
    zeros: int
    how: str

    def __str__(self) -> str:
        numbers = f"({self.how}; eigenvalues {_listed(self.eigenvalues)})"
        match self.kind:
            case "saddle":
                return f"saddle of index {self.index} {numbers}"
            case "degenerate":
                zero = f"degenerate: {self.zeros} eigenvalue{'s' * (self.zeros != 1)} zero to rounding"
                return f"{zero}{', not a minimum' if self.index else ''} {numbers}"
            case "regular":
                size = f"‖∇f‖ = {self.gradient_norm:.3g}, above its rounding {self.gradient_tolerance:.1g}"
                return f"regular point: {size} {numbers}"
            case kind:
                return f"{kind} {numbers}"


def _listed(eigenvalues: np.ndarray[Any, Any]) -> str:
    texts = [f"{value:.6g}".replace("-", "−", 1) if value < 0 else f"{value:.6g}" for value in eigenvalues]
    return ", ".join(texts if len(texts) <= 6 else [*texts[:3], "…", *texts[-3:]])


def classify(
    f: Callable[..., Any], argnums: Argnums = 0, *, gradient_tolerance: float | None = None
) -> Callable[..., CriticalPoint]:
    """Kind of a point of a scalar function: minimum, maximum, saddle, degenerate, or regular.

    Parameters
    ----------
    f : callable
        Returns one real number; written with JAX or with plain NumPy.
    argnums : int or sequence of int
        The positional arguments that are the variables; a pytree is taken flat.
    gradient_tolerance : float, optional
        Up to where ‖∇f‖ counts as zero. By default the rounding of the gradient itself: a point where an optimiser has
        stopped early is a regular one.

    Returns
    -------
    callable
        Takes the arguments of ``f``; returns a ``CriticalPoint``.

    Raises
    ------
    WrongInput, WrongType, Unreadable
        When called: inside ``jit``, ``vmap`` or ``grad``, where there is no value to judge; where f or its Hessian is
        not finite; for an f with several outputs, a point of integers, complex numbers or NaN, an f that cannot be
        traced.

    Notes
    -----
    The second-derivative test (J. Milnor, *Morse Theory*, Princeton 1963, section 2, for the index). What counts as
    zero is derived, not chosen, so that the verdict does not change when f is multiplied by a constant or the variables
    are rotated. An eigenvalue is zero up to n·ε·‖H‖, the backward error of the eigensolver, plus the rounding error of
    H; the gradient is zero up to its rounding error. Both rounding errors are measured: every operation of the program
    that computes H, or the gradient, adds its own error to a tangent that is pushed through the program (and the point
    itself counts as rounded). So x − sin x at the floating-point number next to 2π is degenerate, as it is at 2π.

    Examples
    --------
    >>> import numpy as np, osculate
    >>> print(osculate.classify(lambda x: x[0] ** 2 - x[1] ** 2)(np.zeros(2)))
    saddle of index 1 (exact Hessian; eigenvalues −2, 2)
    >>> osculate.classify(lambda x: x**3)(0.0).kind
    'degenerate'
    >>> osculate.classify(lambda x: x**3 - 3 * x)(1.0).kind
    'minimum'
    """
    return transform(_ASKED, f, partial(_classified, gradient_tolerance), argnums=argnums)


def _classified(tolerance: float | None, point: Point) -> CriticalPoint:
    point.require_scalar()
    refuse_tracers(_ASKED, computed(point, _value))  # traced also where f alone closes over a tracer
    n = sum(leaf.size for leaf in jax.tree.leaves(point.primals))
    if n > LARGEST_DENSE:
        return _large(tolerance, point, n)
    facts = computed(point, _dense_facts, _samples(n))
    value, gradient, second, gradient_error, second_error = map(np.asarray, facts)
    _require_finite(point, value, gradient, second)
    epsilon = float(jnp.finfo(second.dtype).eps)
    spectrum = np.linalg.eigvalsh(second.astype(np.float64))
    solver_error = n * epsilon * float(np.abs(spectrum).max())
    return _verdict(
        spectrum,
        np.full(n, solver_error + _finite_or(second_error, 0.0)),
        gradient,
        _finite_or(gradient_error, solver_error * _size(point)) if tolerance is None else tolerance,
        "exact Hessian",
    )


def _value(function: Callable[..., tuple[Any, Any]], primals: tuple[Any, ...]) -> Any:
    return function(*primals)[0]


def _samples(n: int) -> np.ndarray[Any, Any]:
    """Eight samples of the rounding error give its root mean square to about a quarter; many entries need fewer."""
    return table(8 if n <= 100 else 2)


def _dense_facts(
    function: Callable[..., tuple[Any, Any]], primals: tuple[Any, ...], numbers: jax.Array
) -> tuple[Any, ...]:
    def first_and_second(*at: Any) -> tuple[jax.Array, jax.Array]:
        _, gradient, matrix, _ = derivatives(function, at, "matrix", DEFAULT_MEMORY // 8, False)
        return ravel_pytree(gradient)[0], matrix

    gradient, matrix = first_and_second(*primals)
    return (function(*primals)[0], gradient, (matrix + matrix.T) / 2, *rounding(first_and_second, primals, numbers))


def _large(tolerance: float | None, point: Point, n: int) -> CriticalPoint:
    """The verdict from the extreme eigenvalues alone, each with its error."""
    facts = computed(point, _first_facts, _samples(n))
    value, gradient, gradient_error = map(np.asarray, facts)
    _require_finite(point, value, gradient)
    extreme = eigenvalues(of_point(point), k=_EXTREMES, which="both")
    values, errors = np.asarray(extreme.value, np.float64), np.asarray(extreme.error, np.float64)
    order = np.argsort(values)
    values, errors = values[order], errors[order]
    rounded = n * float(jnp.finfo(gradient.dtype).eps) * float(np.abs(values).max())
    open_ended = " at least" if values[_EXTREMES - 1] < 0 else ""
    return _verdict(
        values,
        rounded + errors,
        gradient,
        _finite_or(gradient_error, rounded * _size(point)) if tolerance is None else tolerance,
        f"estimate ± residual bound: the {_EXTREMES} smallest and largest eigenvalues by Lanczos, {extreme.products} "
        f"products, index{open_ended} as found",
    )


def _first_facts(
    function: Callable[..., tuple[Any, Any]], primals: tuple[Any, ...], numbers: jax.Array
) -> tuple[Any, Any, Any]:
    def first(*at: Any) -> jax.Array:
        return ravel_pytree(jax.grad(lambda p: function(*p)[0])(at))[0]

    return function(*primals)[0], first(*primals), rounding(first, primals, numbers)


def _finite_or(error: np.ndarray[Any, Any], instead: float) -> float:
    """A sampled rounding error; where derivatives of f of the next order are infinite it is none, and this is used."""
    return float(error) if np.isfinite(error) else instead


def _size(point: Point) -> float:
    return float(np.linalg.norm(np.asarray(ravel_pytree(point.primals)[0], np.float64)))


def _require_finite(point: Point, *arrays: np.ndarray[Any, Any]) -> None:
    for name, array in zip(("f", "the gradient of f", "the Hessian of f"), arrays, strict=False):
        if not np.isfinite(array).all():
            raise point.error(
                WrongInput,
                f"{name} is not finite at this point, so the point has no kind",
                "choose a point where f is twice differentiable; osculate.hessian(f)(x) shows the entries",
            )


def _verdict(
    spectrum: np.ndarray[Any, Any],
    tolerances: np.ndarray[Any, Any],
    gradient: np.ndarray[Any, Any],
    gradient_tolerance: float,
    how: str,
) -> CriticalPoint:
    negative = int((spectrum < -tolerances).sum())
    positive = int((spectrum > tolerances).sum())
    zeros = spectrum.size - negative - positive
    largest = float(np.abs(gradient).max())
    norm = largest * float(np.linalg.norm(gradient / largest)) if largest else 0.0
    if norm > gradient_tolerance:
        kind = "regular"
    elif negative and positive:
        kind = "saddle"
    elif zeros:
        kind = "degenerate"
    else:
        kind = "minimum" if positive else "maximum"
    return CriticalPoint(
        kind=kind,
        index=negative,
        eigenvalues=spectrum,
        gradient_norm=norm,
        gradient_tolerance=gradient_tolerance,
        eigenvalue_tolerance=float(tolerances.max()),
        zeros=zeros,
        how=how,
    )
