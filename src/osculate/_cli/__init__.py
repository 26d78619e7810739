"""The command line: ``osculate explain``, ``osculate report``, ``osculate demo``.

Exit codes: 0 done, 1 the analysis failed, 2 wrong use (a formula, an option, a file, an extra that is not installed),
130 stopped with Ctrl-C after writing what was done.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line on ``arguments`` (by default those of the process) and give back its exit code."""
    try:
        import rich as _rich  # noqa: F401  # pyright: ignore[reportUnusedImport]
        import typer as _typer  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except ImportError as error:
        sys.stderr.write(
            f"osculate: the command line needs {error.name}, which is not installed.\n"
            '  now: python -m pip install "osculate[report]", or "osculate[demo]" for the demo\n'
        )
        return 2
    try:
        return _run(list(sys.argv[1:] if arguments is None else arguments))
    except KeyboardInterrupt:
        sys.stderr.write("osculate: stopped with Ctrl-C.\n")
        return 130


def _run(arguments: list[str]) -> int:
    import jax

    from .commands import application

    _write_utf8()
    try:
        with jax.enable_x64(True):
            application(arguments, prog_name="osculate")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def _write_utf8() -> None:
    """Let λ and ± through on terminals and pipes whose encoding cannot write them (Windows, LANG=C)."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure: Any = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="replace")
