"""What the user names on the command line, as objects: a function in a file, and a point."""

from __future__ import annotations

import ast
import importlib.util
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from osculate._errors import Location, WrongInput

ASKED = "osculate report"
_EXAMPLE = "osculate report train.py:loss --at point.npz"


def load_function(target: str) -> tuple[Callable[..., Any], Path]:
    """Find the function that ``FILE.py:FUNCTION`` names, and the absolute path of its file.

    The file is run as a module of its own, with its folder importable, as Python runs a script.

    Raises
    ------
    WrongInput
        If the target has another form, there is no such file or function, or the file fails when it is run.
    """
    file, colon, name = target.rpartition(":")
    if not colon or not file or not name:
        raise WrongInput(
            ASKED, f"{target!r} does not name a function in a file", remedy=f"FILE.py:FUNCTION, as in {_EXAMPLE}"
        )
    path = Path(file).expanduser().resolve()
    if not path.is_file():
        raise WrongInput(ASKED, f"there is no file {path}", remedy=f"FILE.py:FUNCTION, as in {_EXAMPLE}")
    module = _run(path)
    function = getattr(module, name, None)
    if callable(function):
        return function, path
    own = [
        key
        for key, value in vars(module).items()
        if callable(value) and not key.startswith("_") and getattr(value, "__module__", None) == module.__name__
    ]
    problem = (
        f"{path.name} has no function {name!r}" if function is None else f"{name!r} in {path.name} is not a function"
    )
    listed = f"it has {', '.join(own)}" if own else "it defines no functions"
    raise WrongInput(ASKED, problem, where=Location(str(path), 1, "module"), remedy=f"{listed}; write FILE.py:FUNCTION")


def load_point(text: str) -> Any:
    """Read the point that ``--at`` names: an ``.npz`` or ``.npy`` file, or a literal in Python's notation.

    An ``.npz`` with several arrays is a dictionary of them, with a single one that array. Numbers of a literal are
    floats; lists of numbers are arrays, dictionaries stay dictionaries.

    Raises
    ------
    WrongInput
        If there is no such file, it cannot be read, or the literal is not made of numbers, lists and dictionaries.
    """
    if Path(text).suffix in (".npz", ".npy"):
        return _load_arrays(Path(text).expanduser().resolve())
    remedy = "--at 1.5, --at '[1, 2]', --at '{\"a\": [1, 2], \"b\": 3}', or a file: --at point.npz"
    try:
        return _as_point(ast.literal_eval(text.strip()))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        problem = f"--at {text!r} is neither an .npz or .npy file nor numbers, lists and dictionaries"
        raise WrongInput(ASKED, problem, remedy=remedy) from error


def _load_arrays(path: Path) -> Any:
    remedy = "write it with numpy.savez(path, weights=…, biases=…) or numpy.save(path, array)"
    if not path.is_file():
        raise WrongInput(ASKED, f"there is no file {path}", remedy=remedy)
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        with loaded:
            arrays = {name: loaded[name] for name in loaded.files}
    except Exception as error:  # zipfile and NumPy raise classes of their own for broken files
        problem = f"{path} cannot be read as arrays: {error}"
        raise WrongInput(ASKED, problem, remedy=remedy) from error
    return next(iter(arrays.values())) if len(arrays) == 1 else arrays


def _as_point(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _as_point(entry) for key, entry in value.items()}
    array = np.asarray(value)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{value!r} is not made of real numbers")
    return float(array) if array.ndim == 0 else array.astype(np.float64)


def _run(path: Path) -> Any:
    name = f"osculate_user_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise WrongInput(ASKED, f"{path} is not a Python file", remedy=f"FILE.py:FUNCTION, as in {_EXAMPLE}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:  # also the SystemExit of a script without an `if __name__` guard
        problem = f"running {path.name} raised {describe(error)}"
        remedy = "mend it so that `import` works; keep what only a script should do under `if __name__ == '__main__':`"
        raise WrongInput(ASKED, problem, where=place_in(path, error), remedy=remedy) from error
    return module


def describe(error: BaseException) -> str:
    """Class and first line of an error: "ValueError: shapes do not match"."""
    first = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def place_in(path: Path, error: BaseException) -> Location | None:
    """Innermost line of the file at ``path`` that the error passed through, None if it did not."""
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename) == path:
        return Location(str(path), error.lineno or 1, "module")
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == path]
    return Location(str(path), frames[-1].lineno or 1, frames[-1].name) if frames else None
