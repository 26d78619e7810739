"""Ritz pairs of several Krylov spaces together, each with the norm of its residual."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from osculate._spectrum.lanczos import Krylov
from osculate._spectrum.product import Floats


@dataclass(frozen=True)
class Ritz:
    """Eigenpairs of QᵀHQ, where Q is the bases of all runs side by side.

    Attributes
    ----------
    values : array (m,)
        θ, ascending.
    coordinates : array (m, m)
        Columns s; the Ritz vector is Q s.
    residuals : array (m,)
        ‖HQs − θQs‖: there is an eigenvalue within that distance of θ.
    leftover : array (n, runs)
        What the last product of each run adds to the whole space: HQ − QQᵀHQ is zero but for those columns.
    """

    values: Floats
    coordinates: Floats
    residuals: Floats
    leftover: Floats

    def quadratic_bounds(self) -> Floats:
        """min(r, r²/gap) for each pair: the bound of Kato and Temple (Parlett 1998, theorem 11.7.1).

        The gap is from θ to the nearest other eigenvalue, estimated from the other Ritz values and their own residuals.
        It presumes that no eigenvalue hides in between, which is for the caller to make sure of.
        """
        distances = np.abs(self.values[:, None] - self.values[None, :]) - self.residuals[None, :]
        np.fill_diagonal(distances, np.inf)
        gaps = np.min(distances, axis=1)
        bounds = self.residuals.copy()
        useful = (gaps > self.residuals) & np.isfinite(gaps)  # one Ritz value alone knows of no gap
        bounds[useful] = self.residuals[useful] * (self.residuals[useful] / gaps[useful])
        return bounds


def ritz(runs: Sequence[Krylov]) -> Ritz:
    """Rayleigh–Ritz over mutually orthogonal Krylov spaces.

    The residual of an earlier run may reach into the space of a later one; that coupling is the only entry of QᵀHQ
    outside of the tridiagonal blocks, and what is left of the residual bounds the error.
    """
    ends = np.cumsum([run.steps for run in runs])
    projected = np.zeros((ends[-1], ends[-1]))
    leftover = np.empty((len(runs[0].residual), len(runs)))
    for index, run in enumerate(runs):
        own = slice(ends[index] - run.steps, ends[index])
        projected[own, own] = run.tridiagonal()
        residual = run.residual
        for later, end in zip(runs[index + 1 :], ends[index + 1 :], strict=True):
            overlap = later.basis.T @ residual
            residual = residual - later.basis @ overlap
            columns = slice(end - later.steps, end)
            projected[ends[index] - 1, columns] = overlap
            projected[columns, ends[index] - 1] = overlap
        leftover[:, index] = residual
    values, coordinates = np.linalg.eigh(projected)
    triangle = np.linalg.qr(leftover, mode="r")
    return Ritz(values, coordinates, np.linalg.norm(triangle @ coordinates[ends - 1], axis=0), leftover)
