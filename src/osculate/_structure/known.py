"""Values that do not move with x and are there already: indices, above all, which decide where entries go."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from osculate._trace import Literal, Node, Variable, is_traced

LARGEST = 10**8
"""Entries of an index array that is still computed while a plan is made."""

_SIMPLE: dict[str, Callable[..., np.ndarray[Any, Any]]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "lt": np.less,
    "ge": np.greater_equal,
    "select_n": lambda which, first, second: np.where(which, second, first),
}
"""What ``jnp`` does to the indices of ``x[i]``, in NumPy: nothing is compiled for it."""


class Known:
    """Values of those variables that follow from literals and from arrays that are no tracers."""

    def __init__(self, given: Mapping[Variable, Any]) -> None:
        """``given``: arrays that the program closes over; tracers among them are not known."""
        self._values: dict[Variable, Any] = {v: value for v, value in given.items() if not is_traced(value)}
        self._makers: dict[Variable, Node] = {}

    def record(self, node: Node) -> None:
        """A node that makes variables; it is run only if one of them is asked for."""
        self._makers.update(dict.fromkeys(node.outputs, node))

    def constants_behind(self, variables: Sequence[Variable], constants: Sequence[Variable]) -> set[Variable]:
        """Those of ``constants`` from which the variables follow; all that is behind them is walked."""
        seen: set[Variable] = set()
        waiting = list(variables)
        while waiting:
            variable = waiting.pop()
            if variable not in seen:
                seen.add(variable)
                maker = self._makers.get(variable)
                waiting.extend(() if maker is None else maker.inputs)
        return seen.intersection(constants)

    def value(self, variable: Variable) -> np.ndarray[Any, Any] | None:
        """The value as a NumPy array, or None."""
        if isinstance(variable, Literal):
            return np.asarray(variable.value)
        if variable in self._values:
            found = self._values[variable]
            return None if found is None else np.asarray(found)
        maker = self._makers.get(variable)
        if maker is None or any(int(np.prod(v.shape)) > LARGEST for v in maker.outputs):
            return None
        inputs = [self.value(v) for v in maker.inputs]
        results: Sequence[Any] = [None] * len(maker.outputs)
        simple = _SIMPLE.get(maker.name) if len(inputs) <= 3 else None
        if all(value is not None for value in inputs) and simple is not None:
            results = [simple(*inputs).astype(maker.outputs[0].dtype)]
        elif all(value is not None for value in inputs):
            with jax.ensure_compile_time_eval():
                results = [np.asarray(r) for r in maker.evaluate(*map(jnp.asarray, inputs))]
        self._values.update(zip(maker.outputs, results, strict=True))
        return self._values[variable]

    def give(self, variable: Variable, value: Any) -> None:
        """One more array that the program closes over."""
        if not is_traced(value):
            self._values.setdefault(variable, value)
