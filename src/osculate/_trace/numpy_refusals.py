"""What the NumPy door cannot read, said with the user's line and the ways on."""

from __future__ import annotations

import dis
import linecache
import re
import sys
import traceback
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType

import jax

from osculate._errors import Location, Unreadable, first_user_location, is_user_file

_LAST_WAY = (
    "or take its derivatives numerically: scipy.differentiate today, the module `differences` here when it comes"
)
_SAME_NAME = (
    "sin cos tan sinh cosh tanh asin acos atan asinh acosh atanh atan2 exp expm1 exp2 log log1p log2 log10 sqrt cbrt"
    " hypot pow fabs floor ceil trunc degrees radians isnan isinf isfinite copysign fmod prod "
)
_SPECIAL = {"erf": "erf", "erfc": "erfc", "gamma": "gamma", "lgamma": "gammaln"}


@dataclass(frozen=True)
class Reading:
    """One reading of a function: its name, and what was refused on the way.

    NumPy swallows some exceptions (an index that cannot become an integer, for example) and raises its own instead, so
    each refusal is kept here until the function has returned.
    """

    name: str
    refusals: list[Unreadable] = field(default_factory=list[Unreadable])


current_reading: ContextVar[Reading | None] = ContextVar("current_reading", default=None)


def refusal(problem: str, remedy: str, where: Location | None = None) -> Unreadable:
    """An error to raise: ``problem`` at the user's line, and the ways on."""
    reading = current_reading.get()
    asked = f"osculate (reading {reading.name})" if reading else "osculate (reading your function)"
    error = Unreadable(asked, problem, remedy=f"{remedy}; {_LAST_WAY}", where=where)
    if reading:
        reading.refusals.append(error)
    return error


def plain_number(kind: str) -> Unreadable:
    """A value that depends on the input is asked for its number: by ``float``, ``math.sin``, or an array of floats."""
    code, offset, line = _user_instruction()
    if code and dis.opname[code.co_code[offset]].startswith("STORE_S"):
        return written_in_place("an item of a NumPy array")
    if (library := _library_function()) is not None:
        return object_array(f"{library} works on plain numbers", None)
    called = re.search(r"\bmath\.(\w+)\(", line)
    if called:
        name = called.group(1)
        instead = (
            f"scipy.special.{_SPECIAL[name]}" if name in _SPECIAL else f"np.{name}" if f"{name} " in _SAME_NAME else ""
        )
        remedy = f"write {instead} instead of math.{name}" if instead else "use NumPy's functions instead of math's"
        return refusal(f"math.{name} works on plain numbers, and its argument depends on the input", remedy)
    return refusal(
        f"a value that depends on the input would have to become a plain {kind}",
        f"leave out {kind}() and dtype={kind}, write np.sin(x) instead of math.sin(x), and np.block([[a, b], [c, d]]) "
        f"instead of np.array with a dtype",
    )


def written_in_place(what: str) -> Unreadable:
    """An array is overwritten: the reading follows values, not memory."""
    return refusal(
        f"{what} is written in place",
        "collect the values in a list and use np.stack (or np.concatenate), choose with np.where(mask, new, old), or "
        "write z = z + … instead of z += …",
    )


def truth() -> Unreadable:
    """``if``, ``while``, ``and``, ``max`` on a value that depends on the input."""
    if (library := _library_function()) is not None:
        return object_array(f"{library} decides by their values", None)
    return refusal(
        "a condition (if, while, and, or, max, sorted, np.maximum of an object array) depends on the input",
        "use np.where(condition, a, b), np.maximum(a, b) instead of max(a, b), np.block instead of np.array of numbers",
    )


def object_array(problem: str, where: Location | None) -> Unreadable:
    """NumPy, SciPy or compiled code met values of the function inside an array of objects."""
    return refusal(
        f"compiled or library code cannot compute with values that depend on the input ({problem})",
        "build arrays with np.block([[a, b], [c, d]]) from numbers and np.stack from arrays (np.array and np.asarray "
        "make an array of objects), and use functions of numpy, numpy.linalg, numpy.fft and those of scipy.special "
        "that JAX has: np.logaddexp.reduce(x) for logsumexp(x), np.linalg.solve for scipy.linalg.solve, "
        "A.toarray() @ x for a sparse A @ x",
        where,
    )


def chain(error: BaseException) -> Iterator[BaseException]:
    """The exception, and those that it came from."""
    pending, seen = [error], set[int]()
    while pending:
        one = pending.pop(0)
        if id(one) not in seen:
            seen.add(id(one))
            yield one
            pending += [other for other in (one.__cause__, one.__context__) if other is not None]


def raised_at(error: BaseException) -> Location | None:
    """The innermost line of the user's own code in the traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    return first_user_location((frame.filename, frame.lineno or 0, frame.name) for frame in reversed(frames))


def as_refusal(error: BaseException, reading: Reading) -> Unreadable | None:
    """The refusal that stands behind an exception, or None where the exception is the function's own."""
    for one in chain(error):
        if isinstance(one, Unreadable):
            return one
    where = raised_at(error)
    for refused in reversed(reading.refusals):
        if refused.where == where:
            return refused
    text = str(error).split("\n")[0]
    if isinstance(error, (jax.errors.TracerArrayConversionError, jax.errors.TracerIntegerConversionError)):
        return refusal(
            "a JAX array that depends on the input meets NumPy",
            "write the function with one of the two throughout: np.asarray(X) for constants that are JAX arrays, or "
            "jax.numpy instead of numpy",
            where,
        )
    if "__jax_array__" in text:
        return refusal(
            "a function of jax.lax, or one compiled by jax.jit, meets a value of a function that is read as NumPy",
            "use numpy or jax.numpy, or hand it jnp.asarray(x)",
            where,
        )
    if isinstance(error, jax.errors.ConcretizationTypeError):
        return refusal("a size or a choice depends on values of the input", "make it independent of the input", where)
    if isinstance(error, NotImplementedError) and is_library(error):
        return refusal(text, "write it with other functions of numpy", where)
    ours = Path(traceback.extract_tb(error.__traceback__)[-1].filename).parent == Path(__file__).parent
    if isinstance(error, (TypeError, ValueError, AttributeError)) and _names_our_values(text, ours):
        return object_array(text, where)
    return None


def is_library(error: BaseException) -> bool:
    """Whether the innermost frame is not the user's own code."""
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and not is_user_file(frames[-1].filename)


def _names_our_values(text: str, raised_here: bool) -> bool:
    if re.search(r"not iterable|has no len|unhashable", text):
        return False  # as in NumPy
    ours = r"Door(Array|Scalar)|dtype\('O'\)|\bobject arrays?\b|dtype object|unsupported data types|holds references"
    if not raised_here:  # where we ask NumPy for its dtypes, this is about real ones
        ours += "|not supported for the input types"
    return re.search(ours + "|setting an array element", text) is not None


def _library_function() -> str | None:
    """The library function that the user called, if it is Python code of that library that asks."""
    frame, called = sys._getframe(1), None  # pyright: ignore[reportPrivateUsage]
    while frame is not None and not is_user_file(frame.f_code.co_filename):
        module = frame.f_globals.get("__name__", "")
        if module.split(".")[0] not in ("osculate", "jax") and not module.startswith("numpy.lib.mixins"):
            called = f"{module.split('.')[0]}'s {frame.f_code.co_name}"
        frame = frame.f_back
    return called if frame is not None else None


def _user_instruction() -> tuple[CodeType | None, int, str]:
    """The user's code object, the offset of the instruction it stands at, and the text of its line."""
    frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
    while frame is not None and not is_user_file(frame.f_code.co_filename):
        frame = frame.f_back
    if frame is None:
        return None, 0, ""
    return frame.f_code, frame.f_lasti, linecache.getline(frame.f_code.co_filename, frame.f_lineno)
