"""``coverage``: which readings can read a function and, where not, the primitive and the user's line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ._arguments import Argnums, point
from ._differentiable import Gap, forward_gaps, reverse_gaps
from ._jets.readable import unreadable
from ._trace import precision_of


@dataclass(frozen=True)
class Coverage:
    """Readings by name, each with its gaps; a reading without gaps can read the function."""

    readings: dict[str, tuple[Gap, ...]]

    def __getitem__(self, reading: str) -> bool:
        """Whether a reading can read the function."""
        return not self.readings[reading]

    def __bool__(self) -> bool:
        return not any(self.readings.values())

    def __str__(self) -> str:
        width = max(map(len, self.readings))
        lines: list[str] = []
        for name, gaps in self.readings.items():
            lines.append(f"{name:<{width}}  {'yes' if not gaps else 'no'}  ({_SERVES[name]})")
            lines.extend(f"{'':<{width}}      {gap}" for gap in gaps)
        return "\n".join(lines)


_SERVES = {
    "jets": "jet, derivative, taylor, partial, derivative_tensor: any order",
    "forward": "jacobian by columns; directional first derivatives",
    "reverse": "gradient, hessian, hvp, hessian_operator, report",
}


def coverage(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Coverage]:
    """Make the function that says which readings can read ``f``.

    Parameters
    ----------
    f : callable
        Written for JAX or plain NumPy; any output.
    argnums : int or sequence of int
        Which arguments are differentiated.

    Returns
    -------
    callable
        ``(x, *args) → Coverage``. It computes nothing: only shapes are followed, so it works under ``jit`` too.

    Raises
    ------
    Unreadable
        If ``f`` cannot even be traced; the message names the user's line.

    Examples
    --------
    A loop whose length depends on its values has forward derivatives of every order, but JAX cannot run it backwards:

    >>> import jax, osculate
    >>> def root(a):
    ...     return jax.lax.while_loop(lambda s: abs(s * s - a) > 1e-12, lambda s: (s + a / s) / 2, a)
    >>> found = osculate.coverage(root)(2.0)
    >>> found["jets"], found["reverse"]
    (True, False)
    """

    def at(*args: Any, **kwargs: Any) -> Coverage:
        with precision_of(args, kwargs).context():
            here = point("osculate.coverage", f, args, kwargs, argnums=argnums, complex_ok=True)
            return Coverage(
                {
                    "jets": tuple(Gap(node.name, node.where, why) for node, why in unreadable(here.trace)),
                    "forward": tuple(forward_gaps(here.trace)),
                    "reverse": tuple(reverse_gaps(here.trace)),
                }
            )

    return at
