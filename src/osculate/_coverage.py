"""``coverage``: which readings can read a function and, where not, the primitive and the user's line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jax

from ._arguments import Argnums, point
from ._dependence import dependence_of_nodes
from ._errors import Location
from ._jets.readable import unreadable
from ._trace import Call, Node, Trace, precision_of


@dataclass(frozen=True)
class Gap:
    """A primitive that a reading cannot read, where the user wrote it, and why."""

    primitive: str
    where: Location | None
    reason: str

    def __str__(self) -> str:
        return f"`{self.primitive}` ({self.where or 'place unknown'}): {self.reason}"


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
                    "forward": tuple(_gaps(here.trace, _forward)),
                    "reverse": tuple(_gaps(here.trace, _reverse)),
                }
            )

    return at


def _gaps(trace: Trace, attempt: Callable[[Node, list[int]], object]) -> Iterator[Gap]:
    for node, inputs in dependence_of_nodes(trace):
        active = [i for i, (d, v) in enumerate(zip(inputs, node.inputs, strict=True)) if d and v.inexact]
        if not active or not any(v.inexact for v in node.outputs):
            continue
        if isinstance(node, Call):
            yield from _gaps(node.body, attempt)
            continue
        try:
            attempt(node, active)
        except Exception as error:  # JAX raises many kinds here; each is the answer that was asked for
            yield Gap(node.name, node.where, (str(error) or type(error).__name__).splitlines()[0])


def _moving(node: Node, active: list[int], values: list[Any]) -> Callable[..., list[Any]]:
    def outputs(*moving: Any) -> list[Any]:
        full = list(values)
        for i, value in zip(active, moving, strict=True):
            full[i] = value
        return [y for y, v in zip(node.evaluate(*full), node.outputs, strict=True) if v.inexact]

    return outputs


def _forward(node: Node, active: list[int]) -> object:
    def tangents(*values: Any) -> Any:
        primals = tuple(values[i] for i in active)
        return jax.jvp(_moving(node, active, list(values)), primals, primals)

    return jax.eval_shape(tangents, *(v.abstract for v in node.inputs))


def _reverse(node: Node, active: list[int]) -> object:
    def cotangents(*values: Any) -> Any:
        outputs, pullback = jax.vjp(_moving(node, active, list(values)), *(values[i] for i in active))
        return pullback(outputs)

    return jax.eval_shape(cotangents, *(v.abstract for v in node.inputs))
