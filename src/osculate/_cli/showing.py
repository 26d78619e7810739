"""What the terminal shows: errors in four parts, progress on a terminal, colour only where it is wanted."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from osculate._errors import OsculateError

from .inputs import describe, place_in

FAILED, WRONG_USE, STOPPED = 1, 2, 130


@contextmanager
def ending(asked: str, code: int, file: Path | None = None) -> Generator[None]:
    """Turn what goes wrong inside into a message on stderr and an exit code: no traceback.

    An ``OsculateError`` ends with ``code``, Ctrl-C with 130, and an error out of the user's own ``file`` with 1. Any
    other error is ours and keeps its traceback.
    """
    try:
        yield
    except OsculateError as error:
        place = error.where if error.where is not None and file is not None and error.where.file == str(file) else None
        show_error(error.asked, error.problem, None if place is None else str(place), error.remedy)
        raise typer.Exit(code) from error
    except KeyboardInterrupt as error:
        show_error(asked, "stopped with Ctrl-C before anything was done.", None, "run it again")
        raise typer.Exit(STOPPED) from error
    except (typer.Exit, typer.Abort):
        raise
    except Exception as error:
        place = None if file is None else place_in(file, error)
        if place is None:
            raise
        show_error(asked, f"the function raised {describe(error)}", str(place), "mend the function at that line")
        raise typer.Exit(FAILED) from error


def show_error(asked: str, problem: str, where: str | None, remedy: str) -> None:
    """Print the four parts of an error on stderr, in red on a terminal."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(Text(f"{asked}: {problem}", style="bold red"))
    if where is not None:
        console.print(Text(f"  where: {where}"))
    console.print(Text(f"  now: {remedy}"))


@contextmanager
def writing(target: Path) -> Generator[None]:
    """Turn a folder or file that cannot be written into a message and exit code 2."""
    try:
        yield
    except OSError as error:
        show_error("osculate", f"cannot write {target}: {error.strerror}", None, "choose another place with --out")
        raise typer.Exit(WRONG_USE) from error


def show_place(what: str, place: Path, *, quiet: bool) -> None:
    """Say where something was written, on a line of its own; on stderr where stdout is for JSON."""
    typer.echo(f"{what}: {place.resolve()}", err=quiet)


def show(text: str, rich: Callable[[], Any] | None = None) -> None:
    """Print plain text on stdout; on a terminal its rich form, or the first line bold and what to do now green."""
    console = Console(highlight=False, soft_wrap=True)
    if rich is not None and console.is_terminal:
        console.print(rich())
        return
    for position, line in enumerate(text.splitlines()):
        console.print(Text(line, style="bold" if position == 0 else "green" if line.startswith("Now:") else ""))


@contextmanager
def progress_bar() -> Generator[Callable[[str, float], None]]:
    """Give a callback (what, share done) that draws a bar on stderr if that is a terminal, and does nothing if not."""
    if not sys.stderr.isatty():
        yield lambda what, share: None
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=1.0)
        yield lambda what, share: bar.update(task, description=what, completed=share)
