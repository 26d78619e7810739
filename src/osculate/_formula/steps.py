"""A parsed formula: steps for a stack, run over numbers and arrays, or over text.

Two numbers on the stack and ``Step("add")`` leave their sum. Steps need no recursion, so a sum of a thousand terms is
as safe as a sum of two, and the same steps serve to compute and to print.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import jax.numpy as jnp
import numpy as np

from .names import CONSTANTS, FUNCTIONS

Action = Literal[
    "number",
    "constant",
    "variable",
    "call",
    "negate",
    "add",
    "subtract",
    "multiply",
    "divide",
    "power",
    "integer power",
]


@dataclass(frozen=True)
class Step:
    """One thing to do with the stack.

    ``value`` is the number, the name, or the exponent of an integer power; ``count`` how many arguments a call takes.
    """

    action: Action
    value: Any = None
    count: int = 0


_JAX: dict[str, Callable[..., Any]] = {
    "add": jnp.add,
    "subtract": jnp.subtract,
    "multiply": jnp.multiply,
    "divide": jnp.divide,
    "power": jnp.power,
}
_NUMPY: dict[str, Callable[..., Any]] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "power": np.power,
}


def evaluate(steps: Sequence[Step], variables: Mapping[str, Any]) -> Any:
    """Value of the steps at ``variables``, which may be numbers, arrays or tracers."""
    stack: list[Any] = []
    for step in steps:
        if step.action == "number":
            stack.append(step.value)
        elif step.action == "constant":
            stack.append(CONSTANTS[step.value])
        elif step.action == "variable":
            stack.append(variables[step.value])
        elif step.action == "negate":
            stack.append(-stack.pop())
        elif step.action == "integer power":
            stack.append(_integer_power(stack.pop(), step.value))
        elif step.action == "call":
            arguments = _pop(stack, step.count)
            stack.append(FUNCTIONS[step.value].compute(*arguments))
        else:
            stack.append(_binary(step.action, *_pop(stack, 2)))
    return stack.pop()


def _pop(stack: list[Any], count: int) -> list[Any]:
    top = stack[-count:]
    del stack[-count:]
    return top


def _binary(action: str, left: Any, right: Any) -> Any:
    """Numbers among themselves stay Python floats, so that x keeps its own dtype, and overflow is inf, not an error."""
    if isinstance(left, float) and isinstance(right, float):
        with np.errstate(all="ignore"):
            return float(_NUMPY[action](left, right))
    return _JAX[action](left, right)


def _integer_power(base: Any, exponent: int) -> Any:
    if isinstance(base, float):
        return _binary("power", base, float(exponent))
    return jnp.power(base, exponent)


# How tightly each action binds, for brackets in print.
_SUM, _QUOTIENT, _PRODUCT, _NEGATIVE, _POWER, _ATOM = range(6)
_SIGNS = {"add": " + ", "subtract": " - ", "multiply": "*", "divide": "/"}


def reading(steps: Sequence[Step]) -> str:
    """Write the steps as text in Python's notation; parsing that text gives the same steps again."""
    stack: list[tuple[str, int]] = []
    for step in steps:
        if step.action == "number":
            stack.append((_number(step.value), _ATOM))
        elif step.action in ("constant", "variable"):
            stack.append((step.value, _ATOM))
        elif step.action == "negate":
            stack.append((f"-{_bracketed(stack.pop(), _NEGATIVE)}", _NEGATIVE))
        elif step.action == "integer power":
            stack.append((f"{_bracketed(stack.pop(), _ATOM)}**{step.value}", _POWER))
        elif step.action == "call":
            arguments = _pop(stack, step.count)
            stack.append((f"{step.value}({', '.join(text for text, _ in arguments)})", _ATOM))
        else:
            stack.append(_binary_reading(step.action, *_pop(stack, 2)))
    return stack.pop()[0]


def _binary_reading(action: str, left: tuple[str, int], right: tuple[str, int]) -> tuple[str, int]:
    if action == "power":
        return f"{_bracketed(left, _ATOM)}**{_bracketed(right, _NEGATIVE)}", _POWER
    if action in ("add", "subtract"):
        return f"{_bracketed(left, _SUM)}{_SIGNS[action]}{_bracketed(right, _QUOTIENT)}", _SUM
    # A quotient goes into brackets before another factor: 1/2*x is the same, but (1/2)*x cannot be misread.
    text = f"{_bracketed(left, _PRODUCT)}{_SIGNS[action]}{_bracketed(right, _NEGATIVE)}"
    return text, _PRODUCT if action == "multiply" else _QUOTIENT


def _bracketed(part: tuple[str, int], least: int) -> str:
    text, strength = part
    return text if strength >= least else f"({text})"


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
