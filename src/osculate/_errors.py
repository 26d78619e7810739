"""Messages in four parts: what was asked, what is wrong with it, where, and what to do now."""

from __future__ import annotations

import os
import sys
import sysconfig
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_OWN = str(Path(__file__).parent) + os.sep
_STANDARD_LIBRARY = sysconfig.get_paths()["stdlib"]
_LIBRARIES = ("jax", "jaxlib", "numpy", "scipy")


@dataclass(frozen=True)
class Location:
    """A place in the user's own code."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}, in {self.function}"


class OsculateError(Exception):
    """Base of every error that osculate raises on purpose.

    Attributes
    ----------
    asked : str
        The call that was made, for example ``osculate.hessian``.
    problem : str
        What is wrong with it: the name, shape and dtype that do not fit.
    where : Location or None
        The user's own file and line.
    remedy : str
        What to do now.
    """

    def __init__(self, asked: str, problem: str, *, remedy: str, where: Location | None = None) -> None:
        self.asked, self.problem, self.remedy = asked, problem, remedy
        self.where = user_location() if where is None else where
        place = f"\n  where: {self.where}" if self.where else ""
        super().__init__(f"{asked}: {problem}{place}\n  now: {remedy}")


class WrongInput(OsculateError, ValueError):
    """A value that the call cannot work with: a NaN, a shape, an order."""


class WrongType(OsculateError, TypeError):
    """An argument of a kind that the call cannot work with: integers, complex numbers, a tracer."""


class Unreadable(OsculateError, NotImplementedError):
    """A function, or a primitive in it, that this reading cannot read."""


class MissingExtra(OsculateError, ImportError):
    """A part that needs an optional dependency which is not installed."""


def warn(asked: str, problem: str, *, remedy: str, where: Location | None = None) -> None:
    """A ``RuntimeWarning`` in the same four parts, counted as one of the user's own line."""
    place = f"\n  where: {where}" if where else ""
    level, frame = 1, sys._getframe(0)  # pyright: ignore[reportPrivateUsage]
    while (outer := frame.f_back) is not None and not is_user_file(frame.f_code.co_filename):
        level, frame = level + 1, outer
    warnings.warn(f"{asked}: {problem}{place}\n  now: {remedy}", RuntimeWarning, stacklevel=level)


def is_user_file(file: str) -> bool:
    """Whether a file is the user's own: not osculate's, not JAX's or NumPy's, not Python's."""
    if file.startswith(_OWN) or (file.startswith(_STANDARD_LIBRARY) and "site-packages" not in file):
        return False
    parts = Path(file).parts
    if "site-packages" in parts:
        return parts[parts.index("site-packages") + 1] not in _LIBRARIES
    return not file.startswith("<frozen")


def first_user_location(frames: Iterable[tuple[str, int, str]]) -> Location | None:
    """First (file, line, function) of ``frames``, innermost first, that lies in the user's own code."""
    for file, line, function in frames:
        if is_user_file(file):
            return Location(file, line, function)
    return None


def user_location() -> Location | None:
    """Where the user's code stands right now: the innermost frame on the stack that is the user's."""
    frames: list[tuple[str, int, str]] = []
    frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
    while frame is not None:
        frames.append((frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name))
        frame = frame.f_back
    return first_user_location(frames)
