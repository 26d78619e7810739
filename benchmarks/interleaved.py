"""Times of several computations, called in turns, so that what else the machine does meets all of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np


def seconds_of(run: Callable[[], Any]) -> float:
    """How long ``run`` takes, until its result is there."""
    start = time.perf_counter()
    jax.block_until_ready(run())
    return time.perf_counter() - start


def medians(runs: list[Callable[[], Any]], seconds: float = 2.0, least: int = 3) -> list[float]:
    """Median time of each run, at least ``least`` of each and for about ``seconds`` in all, after one call."""
    for run in runs:
        jax.block_until_ready(run())
    found: list[list[float]] = [[] for _ in runs]
    end = time.perf_counter() + seconds
    while len(found[0]) < least or time.perf_counter() < end:
        for times, run in zip(found, runs, strict=True):
            times.append(seconds_of(run))
    return [float(np.median(times)) for times in found]
