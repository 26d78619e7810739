"""A function of several variables, computed at a point."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from osculate._arguments import point
from osculate._errors import WrongInput
from osculate._geometry import classify
from osculate._hessian import value_grad_hessian

from .bent import bent
from .data import Array, Surface, Window
from .lines import lines
from .search import INTERVALS, ORDINALS, irregular_order
from .subject import ASKED, Subject

HALF_WIDTH = 2.0
_STEPS = 101
_AXES = 8


def surface_of(subject: Subject, on: tuple[Window, ...] | None) -> Surface:
    """Compute all that is said about a function of several variables.

    Raises
    ------
    WrongInput
        If f or one of its first two derivatives is not finite at the point.
    """
    n = len(subject.names)
    notes = list(subject.notes)
    given = subject.at if isinstance(subject.at, np.ndarray) else None
    here = point(ASKED, subject.function, (np.zeros(n) if given is None else given,))
    here.require_scalar()
    at, value, gradient, hessian = _first_finite(here, given, n, subject.names)
    if given is None and at.any():
        notes.append(f"f or a derivative is not finite at the origin, so it is looked at from {at.tolist()}")
    verdict, bend = classify(here)(at), bent(at, value, gradient, hessian)
    windows = on or tuple((float(x) - HALF_WIDTH, float(x) + HALF_WIDTH) for x in at)
    irregular = _irregular(here, at, windows, subject.names)
    if irregular:
        notes.append(f"{irregular}: derivatives given here are a convention")
    eigenvalues, eigenvectors = np.linalg.eigh(hessian)
    return Surface(
        title=subject.title,
        names=subject.names,
        notes=tuple(notes),
        at=at,
        value=value,
        gradient=gradient,
        hessian=hessian,
        kind="irregular" if irregular else str(verdict.kind),
        index=int(verdict.index),
        gradient_norm=float(verdict.gradient_norm),
        gradient_tolerance=float(verdict.gradient_tolerance),
        eigenvalue_tolerance=float(verdict.eigenvalue_tolerance),
        eigenvalues=eigenvalues,
        eigenvectors=eigenvectors,
        principal=np.asarray(bend.principal),
        directions=np.asarray(bend.directions),
        mean=float(bend.mean),
        gaussian=float(bend.gaussian),
        windows=windows,
        grid=_grid(here, windows) if n == 2 else None,
    )


def _first_finite(
    here: Callable[..., Any], given: Array | None, n: int, names: tuple[str, ...]
) -> tuple[Array, float, Array, Array]:
    """Point, value, gradient and Hessian at the given point, else at the origin, else at (1, …, 1) and its like."""
    candidates = [given] if given is not None else [np.zeros(n), np.ones(n), np.full(n, 0.5), 1.0 + np.arange(n)]
    value = gradient = hessian = np.zeros(())
    for at in candidates:
        value, gradient, hessian = (np.asarray(part) for part in value_grad_hessian(here)(at))
        if np.isfinite(value) and np.isfinite(gradient).all() and np.isfinite(hessian).all():
            return at, float(value), gradient + 0.0, hessian + 0.0
    where = ", ".join(f"{name} = {x:g}" for name, x in zip(names, candidates[0], strict=True))
    what = "f" if not np.isfinite(value) else ("the gradient" if not np.isfinite(gradient).all() else "the Hessian")
    raise WrongInput(ASKED, f"{what} is not finite at {where}.", remedy="choose a point with at=… where f is smooth.")


def _irregular(here: Callable[..., Any], at: Array, windows: tuple[Window, ...], names: tuple[str, ...]) -> str | None:
    """Which derivative jumps at the point along an axis or an oblique line, in words; None if none does."""
    n = len(at)
    line = lines(here)
    oblique = np.cos(np.arange(1, n + 1)) / np.sqrt(n)
    reach = min(high - low for low, high in windows) / INTERVALS
    for i, direction in enumerate([*np.eye(n)[:_AXES], oblique]):
        order = irregular_order(line(at, direction), 0.0, reach)
        if order is not None:
            where = f"along {names[i]}" if i < min(n, _AXES) else "along an oblique line"
            return f"{ORDINALS[order]} is not continuous at the point {where}"
    return None


def _grid(here: Callable[..., Any], windows: tuple[Window, ...]) -> tuple[Array, Array, Array]:
    x, y = (np.linspace(low, high, _STEPS) for low, high in windows)
    points = np.stack(np.meshgrid(x, y), axis=-1)
    return x, y, np.asarray(jax.jit(jax.vmap(jax.vmap(here)))(points))
