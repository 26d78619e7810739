"""What a computation adds to the resident set of its process, at its peak. Linux only."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def growth(run: Callable[[], object]) -> float:
    """Megabytes by which the peak of the resident set during ``run`` exceeds what was resident before.

    To be measured in a fresh process, compiled and before the first run: an allocator keeps what it has had.
    """
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak
    before = _status("VmRSS")
    run()
    return (_status("VmHWM") - before) / 1024


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))
