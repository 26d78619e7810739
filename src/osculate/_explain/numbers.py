"""How an explanation writes numbers and polynomials."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

DIGITS = 8
_DIGITS_OF_COEFFICIENTS = 6
_LARGEST_DENOMINATOR = 10**6
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float, digits: int = DIGITS) -> str:
    """Write ``value`` to so many significant digits, with a true minus sign.

    Examples
    --------
    >>> number(-1.3008395659415772), number(2.0), number(6.123e-17), number(math.inf)
    ('−1.3008396', '2', '6.123e−17', '∞')
    """
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    text = f"{value:.{digits}g}"
    if "e" in text:
        mantissa, exponent = text.split("e")
        text = f"{mantissa}e{int(exponent)}"
    return ("0" if value == 0 else text).replace("-", "−")


def vector(values: Sequence[float] | np.ndarray, digits: int = DIGITS, most: int = 6) -> str:
    """Write a vector, the middle of a long one left out.

    Examples
    --------
    >>> vector([1.0, -0.5])
    '(1, −0.5)'
    """
    shown = [number(float(v), digits) for v in values]
    if len(shown) > most:
        shown = [*shown[: most - 2], "…", shown[-1]]
    return f"({', '.join(shown)})"


def superscript(exponent: int) -> str:
    """Write an integer above the line.

    Examples
    --------
    >>> superscript(12)
    '¹²'
    """
    return str(exponent).translate(_SUPERSCRIPTS)


def derivative_name(k: int) -> str:
    """Name the k-th derivative.

    Examples
    --------
    >>> [derivative_name(k) for k in range(5)]
    ['f', 'f′', 'f″', 'f‴', 'f⁽⁴⁾']
    """
    return "f" + ("", "′", "″", "‴")[k] if k < 4 else f"f⁽{superscript(k)}⁾"


def polynomial(coefficients: Sequence[float] | np.ndarray, name: str, at: float) -> str:
    """Write a Taylor polynomial about ``at``; a coefficient that is a simple fraction to rounding is written as one.

    Examples
    --------
    >>> polynomial([0.0, 1.0, 0.0, -1 / 6], "x", 0.0)
    'x − x³/6'
    >>> polynomial([-2.0, 0.0, 3.0], "x", 1.0)
    '−2 + 3·(x − 1)²'
    """
    power = name if name.isidentifier() else f"({name})"
    base = power if at == 0 else f"({name} {'−' if at > 0 else '+'} {number(abs(at))})"
    text = ""
    for k, coefficient in enumerate(coefficients):
        if coefficient == 0:
            continue
        sign = "−" if coefficient < 0 else "+"
        term = _term(abs(float(coefficient)), k, base)
        text += f" {sign} {term}" if text else (f"−{term}" if sign == "−" else term)
    return text or "0"


def _term(coefficient: float, k: int, base: str) -> str:
    above, below = _fraction(coefficient)
    if k == 0:
        return f"{above}/{below}" if below != "1" else above
    power = base if k == 1 else base + superscript(k)
    product = power if above == "1" else f"{above}·{power}"
    return product if below == "1" else f"{product}/{below}"


def _fraction(value: float) -> tuple[str, str]:
    """Numerator and denominator of a positive number, denominator "1" for one that is no simple fraction."""
    if not math.isfinite(value):
        return number(value, _DIGITS_OF_COEFFICIENTS), "1"
    simple = Fraction(value).limit_denominator(_LARGEST_DENOMINATOR)
    close = abs(float(simple) - value) <= 4 * np.spacing(value)
    if close and 0 < simple.numerator < 10**6:
        return str(simple.numerator), str(simple.denominator)
    return number(value, _DIGITS_OF_COEFFICIENTS), "1"
