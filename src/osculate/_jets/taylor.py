"""``taylor``: the Taylor polynomial of a function, as a value that can be called, printed and read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from osculate._arguments import Point, point
from osculate._errors import WrongInput, WrongType
from osculate._results import Estimate
from osculate._trace import precision_of

from .derivative import checked_order, scalar_variable
from .factorial import times_factorial
from .jet import push


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Taylor:
    """A Taylor polynomial in one variable: Σₖ coefficients[k] (t − center)ᵏ.

    Attributes
    ----------
    center : number or array
        The point of expansion; 0 where a direction was given, since the variable is then t in x + t·direction.
    coefficients : array of shape (order + 1, *output) or pytree of such
        f⁽ᵏ⁾/k!, exact.
    """

    center: Any
    coefficients: Any
    directional: bool = field(default=False, metadata={"static": True})

    @property
    def order(self) -> int:
        """The highest power."""
        return jax.tree.leaves(self.coefficients)[0].shape[0] - 1

    @property
    def derivatives(self) -> Any:
        """f⁽ᵏ⁾, k = 0 … order, stacked like ``coefficients``."""

        def scale(c: Any) -> Any:
            stack = np.stack if isinstance(c, np.ndarray) else jnp.stack
            return stack([times_factorial(c[k], k) for k in range(c.shape[0])])

        return jax.tree.map(scale, self.coefficients)

    def __call__(self, t: Any) -> Any:
        """Value of the polynomial at ``t`` (Horner); an array of points gives an array of values."""
        step = t - self.center
        elementwise = np.ndim(self.center) > 0

        def value(c: Any) -> Any:
            shape = np.shape(step) if elementwise else np.shape(step) + c.shape[1:]
            h = step if elementwise or c.ndim == 1 else np.reshape(step, np.shape(step) + (1,) * (c.ndim - 1))
            total = c[-1] if elementwise else c[-1] + 0 * h
            for k in range(c.shape[0] - 2, -1, -1):
                total = total * h + c[k]
            return total if np.shape(total) == shape else total + 0 * h

        return jax.tree.map(value, self.coefficients)

    def radius(self) -> Estimate:
        """Estimate the radius of convergence from the decay of the coefficients.

        The root test, fitted: log |cₖ| ≈ a − k log R − b log k! over the upper half of the coefficients. A decay that
        steepens with k (b clearly positive) is that of an entire function, and R is infinite; so it is for a
        polynomial, whose upper coefficients vanish. The error bar is the spread of the fit; few coefficients give wide
        bars.

        Raises
        ------
        WrongInput
            With fewer than 8 coefficients, or several outputs.

        Examples
        --------
        1/(1 − x) has its pole at distance 1:

        >>> import osculate
        >>> round(float(osculate.taylor(lambda x: 1 / (1 - x), 20)(0.0).radius()), 6)
        1.0
        """
        leaves = jax.tree.leaves(self.coefficients)
        if len(leaves) != 1 or leaves[0].ndim != 1 or leaves[0].shape[0] < 8:
            raise WrongInput(
                "Taylor.radius",
                f"needs at least 8 coefficients of one number, but there are {[leaf.shape for leaf in leaves]}",
                remedy="osculate.taylor(f, 20)(x).radius() for f with one output",
            )
        return _radius(np.abs(np.asarray(leaves[0], float)))

    def __str__(self) -> str:
        leaves = jax.tree.leaves(self.coefficients)
        if len(leaves) != 1 or leaves[0].ndim != 1 or np.ndim(self.center):
            return f"Taylor polynomial of order {self.order}, outputs {[leaf.shape[1:] for leaf in leaves]} (exact)"
        return _polynomial(np.asarray(leaves[0]), float(self.center), "t" if self.directional else "x")


def taylor(f: Callable[..., Any], order: int, argnums: int = 0) -> Callable[..., Taylor]:
    """Make the function that computes Taylor polynomials of ``f``.

    Parameters
    ----------
    f : callable
        Written for JAX or plain NumPy; any output.
    order : int
        The highest power, at least 0.
    argnums : int
        Which argument is expanded.

    Returns
    -------
    callable
        ``(x, direction=None, *args) → Taylor``. For a scalar x, the polynomial in x. With a ``direction`` (a pytree
        like x), the polynomial in t of f(x + t·direction). With ``argnums`` other than 0, ``x`` is still the first
        argument of f, and ``direction`` belongs to the expanded one.

    Raises
    ------
    WrongInput
        For an array x without a direction (unless f acts elementwise), or a direction of another shape.

    References
    ----------
    Griewank and Walther, *Evaluating Derivatives*, 2nd ed. 2008, ch. 13.

    Examples
    --------
    sin x ≈ x − x³/6:

    >>> import numpy as np, osculate
    >>> print(osculate.taylor(np.sin, 4)(0.0))
    x - 0.166667 x^3
    """
    asked = "osculate.taylor"
    n = checked_order(asked, order, least=0)
    if isinstance(argnums, (tuple, list)):
        raise WrongType(asked, "argnums must be one integer: a Taylor polynomial has one variable", remedy="argnums=0")

    def at(x: Any, direction: Any = None, *args: Any, **kwargs: Any) -> Taylor:
        precision = precision_of(x, direction, args, kwargs)
        with precision.context():
            here = point(asked, f, (x, *args), kwargs, argnums=argnums, complex_ok=True)
            return precision.answer(_expand(here, direction, n))

    return at


def _expand(here: Point, direction: Any, n: int) -> Taylor:
    if direction is None:
        x = scalar_variable(here, here.asked)
        steps, center = [jnp.ones_like(x)], x
    else:
        steps, center = directions(here, direction), jnp.zeros(())
    leaves = jax.tree.leaves(here.primals)
    if n == 0:
        trees = [here(*here.primals)]
    else:
        value, orders = push(here, [[leaf, step] for leaf, step in zip(leaves, steps, strict=True)], n)
        trees = [value, *(order for _, order in orders)]
    return Taylor(center, jax.tree.map(lambda *column: jnp.stack(column), *trees), direction is not None)


def directions(here: Point, direction: Any) -> list[Any]:
    """Leaves of a direction, checked against those of the point."""
    parts, structure = jax.tree.flatten(direction)
    leaves = jax.tree.leaves(here.primals[0])
    if structure != jax.tree.structure(here.primals[0]) or any(
        np.shape(p) != v.shape for p, v in zip(parts, leaves, strict=True)
    ):
        raise here.error(
            WrongInput,
            f"the direction has shape {[np.shape(p) for p in parts]}, but the point has {[v.shape for v in leaves]}",
            "pass a direction with the shape (and pytree structure) of the point",
        )
    if any(np.iscomplexobj(p) and not np.iscomplexobj(v) for p, v in zip(parts, leaves, strict=True)):
        raise here.error(WrongType, "the direction is complex, but the point is real", "make the point complex: x + 0j")
    return [jnp.asarray(p, v.dtype) for p, v in zip(parts, leaves, strict=True)]


def _radius(sizes: np.ndarray[Any, Any]) -> Estimate:
    how, count = "estimate ± spread of the fit: root test on the upper coefficients", len(sizes)
    k = np.arange(count)
    used = (k >= count // 3) & (k > 0) & (sizes > 0) & np.isfinite(sizes)
    if used.sum() < 4:
        return Estimate(np.inf, 0.0, "estimate: the upper coefficients vanish, as those of a polynomial do", count)
    size, at = np.log(sizes[used]), k[used]
    log_factorial = np.array([np.sum(np.log(np.arange(1, m + 1))) for m in at])
    steep = np.linalg.lstsq(np.stack([np.ones(len(at)), -at, -log_factorial], 1), size, rcond=None)[0]
    if steep[2] > 0.5:
        return Estimate(
            np.inf, 0.0, "estimate: the coefficients fall faster than any power, as entire functions do", count
        )
    fits = [_slope(at[part], size[part]) for part in (slice(None), slice(None, None, 2), slice(len(at) // 3, None))]
    value = float(np.exp(fits[0]))
    spread = max(abs(np.exp(f) - value) for f in fits[1:])
    return Estimate(value, float(spread), how, count)


def _slope(at: np.ndarray[Any, Any], size: np.ndarray[Any, Any]) -> float:
    """−slope of log |cₖ| in k, with the algebraic factor k^p of a pole or branch point fitted along where it can be."""
    columns = [np.ones(len(at)), -at.astype(float)]
    if len(at) > 3:
        columns.append(np.log(at))
    slope = np.linalg.lstsq(np.stack(columns, 1), size, rcond=None)[0][1]
    return float(slope)


def _polynomial(coefficients: np.ndarray[Any, Any], center: float, name: str) -> str:
    base = name if center == 0 else f"({name} {'-' if center > 0 else '+'} {abs(center):g})"
    terms: list[str] = []
    for k, c in enumerate(coefficients):
        if c == 0:
            continue
        power = "" if k == 0 else base if k == 1 else f"{base}^{k}"
        if np.iscomplexobj(c):
            terms.append(f"+ ({c:.6g}) {power}".rstrip())
            continue
        size = "" if abs(c) == 1 and power else f"{abs(c):.6g}"
        terms.append(f"{'-' if c < 0 else '+'} {' '.join(part for part in (size, power) if part)}")
    text = " ".join(terms) or "+ 0"
    return text[2:] if text.startswith("+ ") else "-" + text[2:]
