"""Numbers in words: the one way a number is written, on the page, in the verdict and on the terminal."""

from __future__ import annotations

import math


def number(value: float | None, digits: int = 4) -> str:
    """``value`` to so many significant digits, with a true minus and powers of ten: −1.234·10⁻⁵; "—" for None or NaN.

    Examples
    --------
    >>> number(19.98234), number(-0.000012345), number(0.0), number(None), number(38000.0)
    ('19.98', '−1.234·10⁻⁵', '0', '—', '38,000')
    """
    if value is None or math.isnan(value):
        return "—"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    magnitude = abs(value)
    sign = "−" if value < 0 else ""
    if 1e-3 <= magnitude < 1e6:
        decimals = max(digits - 1 - math.floor(math.log10(magnitude)), 0)
        return sign + _short(f"{magnitude:,.{decimals}f}", magnitude)
    mantissa, exponent = f"{magnitude:.{digits - 1}e}".split("e")
    mantissa = _short(mantissa, magnitude / 10.0 ** int(exponent))
    return f"{sign}{mantissa}·10{superscript(int(exponent))}"


def _short(text: str, value: float) -> str:
    """``text`` without the zeros at its end if it is then still exact: 20, but 20.00 for 20.0013."""
    short = text.rstrip("0").rstrip(".") if "." in text else text
    return short if math.isclose(float(short.replace(",", "")), value, rel_tol=1e-12) else text


def ratio(value: float | None) -> str:
    """Ratio to a threshold, with three decimals below ten: 1.002, 0.533, 12.34.

    Examples
    --------
    >>> ratio(1.0021), ratio(0.5334), ratio(12.34), ratio(None)
    ('1.002', '0.533', '12.34', '—')
    """
    if value is None or math.isnan(value):
        return "—"
    return f"{value:.3f}" if abs(value) < 10 else number(value)


def superscript(exponent: int) -> str:
    """Integer as superscript digits.

    Examples
    --------
    >>> superscript(-12)
    '⁻¹²'
    """
    return str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def plus_minus(value: float | None, error: float | None) -> str:
    """Value and error bar, the bar to two digits: 19.98 ± 0.013; an exact value stands alone.

    Examples
    --------
    >>> plus_minus(19.982, 0.0131), plus_minus(2.0, None)
    ('19.98 ± 0.013', '2')
    """
    return number(value) if error is None else f"{number(value)} ± {number(error, 2)}"


def percent(share: float | None) -> str:
    """Share as a percentage: "62 %", with a decimal below ten.

    Examples
    --------
    >>> percent(0.6234), percent(0.0123), percent(0.00052), percent(1e-9)
    ('62 %', '1.2 %', '0.05 %', '< 0.001 %')
    """
    if share is None or math.isnan(share):
        return "—"
    if share == 0:
        return "0 %"
    if 0 < share < 1e-5:
        return "< 0.001 %"
    if 0 < share < 0.001:
        return f"{100 * share:.1g} %"
    return f"{100 * share:.0f} %" if share >= 0.0995 else f"{100 * share:.1f} %"


def several(count: int, noun: str) -> str:
    """Count and its noun.

    Examples
    --------
    >>> several(1, "product"), several(3630, "unknown")
    ('1 product', '3,630 unknowns')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
