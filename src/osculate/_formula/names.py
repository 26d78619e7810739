"""The names a formula may use: functions, constants, and what counts as a variable."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.special as special

MANY = 100


@dataclass(frozen=True)
class Function:
    """A function that a formula may call: how to compute it, and how many arguments it takes."""

    compute: Callable[..., Any]
    fewest: int = 1
    most: int = 1


def _sec(x: Any) -> Any:
    return 1 / jnp.cos(x)


def _csc(x: Any) -> Any:
    return 1 / jnp.sin(x)


def _cot(x: Any) -> Any:
    return 1 / jnp.tan(x)


def _sech(x: Any) -> Any:
    return 1 / jnp.cosh(x)


def _csch(x: Any) -> Any:
    return 1 / jnp.sinh(x)


def _coth(x: Any) -> Any:
    return 1 / jnp.tanh(x)


def _heaviside(x: Any) -> Any:
    return jnp.heaviside(x, 0.5)


def _largest(*values: Any) -> Any:
    return reduce(jnp.maximum, values)


def _smallest(*values: Any) -> Any:
    return reduce(jnp.minimum, values)


FUNCTIONS: dict[str, Function] = {
    "sin": Function(jnp.sin),
    "cos": Function(jnp.cos),
    "tan": Function(jnp.tan),
    "sec": Function(_sec),
    "csc": Function(_csc),
    "cot": Function(_cot),
    "asin": Function(jnp.arcsin),
    "acos": Function(jnp.arccos),
    "atan": Function(jnp.arctan),
    "atan2": Function(jnp.arctan2, 2, 2),
    "sinh": Function(jnp.sinh),
    "cosh": Function(jnp.cosh),
    "tanh": Function(jnp.tanh),
    "sech": Function(_sech),
    "csch": Function(_csch),
    "coth": Function(_coth),
    "asinh": Function(jnp.arcsinh),
    "acosh": Function(jnp.arccosh),
    "atanh": Function(jnp.arctanh),
    "exp": Function(jnp.exp),
    "expm1": Function(jnp.expm1),
    "log": Function(jnp.log),
    "log1p": Function(jnp.log1p),
    "log2": Function(jnp.log2),
    "log10": Function(jnp.log10),
    "sqrt": Function(jnp.sqrt),
    "cbrt": Function(jnp.cbrt),
    "abs": Function(jnp.abs),
    "sign": Function(jnp.sign),
    "floor": Function(jnp.floor),
    "ceil": Function(jnp.ceil),
    "heaviside": Function(_heaviside),
    "max": Function(_largest, 2, MANY),
    "min": Function(_smallest, 2, MANY),
    "erf": Function(special.erf),
    "erfc": Function(special.erfc),
    "gamma": Function(special.gamma),
    "lgamma": Function(special.gammaln),
    "digamma": Function(special.digamma),
    "sigmoid": Function(jax.nn.sigmoid),
    "relu": Function(jax.nn.relu),
    "softplus": Function(jax.nn.softplus),
}

ALIASES: dict[str, str] = {
    "ln": "log",
    "logistic": "sigmoid",
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
    "arctan2": "atan2",
    "arcsinh": "asinh",
    "arccosh": "acosh",
    "arctanh": "atanh",
    "arsinh": "asinh",
    "arcosh": "acosh",
    "artanh": "atanh",
    "tg": "tan",
    "ctg": "cot",
    "cosec": "csc",
    "sgn": "sign",
    "gammaln": "lgamma",
}

CONSTANTS: dict[str, float] = {"pi": math.pi, "e": math.e, "tau": math.tau}

SIGNS: dict[str, str] = {"π": "pi", "τ": "tau"}

# A variable is one letter, or a Greek letter's name, with an index if need be. A longer word is refused: "xy" may mean
# the product of x and y or one variable, and a formula has no way to say which.
_LETTER = (
    "[A-Za-zα-ωΑ-Ω]|alpha|beta|delta|epsilon|zeta|eta|theta|iota|kappa|mu|nu|xi|rho|sigma|upsilon|phi|chi|psi|omega"
)
_VARIABLE = re.compile(rf"(?:{_LETTER})(?:\d+|_[A-Za-z0-9_]+)?", re.ASCII)


def is_variable(name: str) -> bool:
    """Whether ``name`` can be a variable: ``x``, ``x1``, ``x_max``, ``θ``, ``theta``."""
    return _VARIABLE.fullmatch(name) is not None


def known_names() -> list[str]:
    """All names that have a meaning of their own."""
    return [*FUNCTIONS, *ALIASES, *CONSTANTS]
