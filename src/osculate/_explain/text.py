"""An explanation on the terminal: plain lines, or a Rich renderable."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from osculate._errors import MissingExtra

from .data import Curve, Surface
from .sections import Section, sections
from .subject import ASKED

INSTALL = 'python -m pip install "osculate[report]"'


def plain(data: Curve | Surface) -> str:
    """The explanation as lines of text, without colour."""
    lines = [data.title, *(f"  {note}" for note in data.notes)]
    for section in sections(data):
        lines += ["", section.title, f"  {section.how}", *_rows(section)]
    return "\n".join(lines)


def _rows(section: Section) -> Iterator[str]:
    width = max((len(row.label) for row in section.rows), default=0)
    for row in section.rows:
        first, *others = row.value.split("\n")
        yield f"  {row.label.ljust(width)}  {first}".rstrip()
        yield from (f"  {' ' * width}  {line}" for line in others)


def rich_text(data: Curve | Surface) -> Any:
    """The explanation as a Rich renderable.

    Raises
    ------
    MissingExtra
        Without Rich.
    """
    try:
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text
    except ImportError as error:
        raise missing("rich", "the coloured text") from error
    parts: list[Any] = [Text(data.title, style="bold"), *(Text(f"  {note}", style="dim") for note in data.notes)]
    for section in sections(data):
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(style="cyan", no_wrap=True)
        table.add_column(overflow="fold")
        for row in section.rows:
            table.add_row(Text(f"  {row.label}"), Text(row.value))
        parts += [Text(), Text(section.title, style="bold"), Text(f"  {section.how}", style="dim italic"), table]
    return Group(*parts)


def missing(package: str, what: str) -> MissingExtra:
    """Error for an optional package that is not there."""
    return MissingExtra(
        ASKED,
        f"{what} needs {package}, which is not installed.",
        remedy=f"{INSTALL}; .text() and .json() need nothing more.",
    )
