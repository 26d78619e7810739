"""The methods of a CurvatureOperator that need the numbers of its matrix, in the form that its structure gives."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from osculate._arguments import refuse_tracers
from osculate._errors import WrongInput

if TYPE_CHECKING:
    from osculate._factorisations import Cholesky, Form, Inertia, LogDeterminant

    from .direct import NewtonStep

_ASKED = "CurvatureOperator"


def _direct() -> Any:
    """The module that needs SciPy's factorisations, which take long to load and a lean start does not need."""
    from . import direct

    return direct


class Factorised:
    """Factorisations by structure, for ``CurvatureOperator``."""

    shape: tuple[int, int]
    dtype: Any
    gradient: Any
    name: str

    @cached_property
    def _form_or_why(self) -> Form | str:
        return _direct().form(self)

    @property
    def form(self) -> Form:
        """The form of the matrix: diagonal, banded, arrow, sparse, any of these plus outer products, or dense.

        Read from the trace of f when first asked for, and then kept. ``print`` says which and why; ``stored`` counts
        its numbers, ``product(v)`` and ``diagonal()`` use them. No n² numbers are kept unless it is dense.

        Raises
        ------
        WrongType
            Inside jit, vmap or grad.
        OsculateError
            If it is dense with more than 8,000 variables.

        Examples
        --------
        >>> import numpy as np, osculate
        >>> H = osculate.hessian_operator(lambda x: (x**4).sum() + x.sum() ** 2)(np.arange(1.0, 101.0))
        >>> print(H.form)
        diagonal plus rank 1: no entry off the diagonal (200 numbers for n = 100)
        """
        return self._required(f"{_ASKED}.form")

    def _required(self, asked: str) -> Form:
        refuse_tracers(asked, self.gradient)
        found = self._form_or_why
        if isinstance(found, str):
            if found == _direct().NOT_FINITE:
                raise _direct().not_finite(self, asked)
            found = self._dense(asked, found)
        return found

    def _dense(self, asked: str, reason: str) -> Form:
        kept = self.__dict__.get("_dense_form")
        if kept is None:
            kept = self.__dict__["_dense_form"] = _direct().dense(self, asked, reason)
        return kept

    def _cheap(self) -> Form | None:
        """The form where it is no work worth mentioning beside an iteration's."""
        if getattr(self, "source", None) is None:
            return None
        found = self._form_or_why
        if not isinstance(found, str):
            return found
        small = self.shape[0] <= _direct().DENSE_DIRECT and found != _direct().NOT_FINITE
        return self._dense(_ASKED, found) if small else None

    def cholesky(self) -> Cholesky:
        """Cholesky's factorisation H[p][:, p] = L Lᵀ, in the storage of the form.

        Returns
        -------
        Cholesky
            ``L`` (sparse, or a NumPy array where H is dense), ``permutation`` p, ``solve(v)``, ``logdet()``; float64.

        Raises
        ------
        OsculateError
            If H is not positive definite, with a negative diagonal entry or the count of eigenvalues as evidence.

        Notes
        -----
        Banded: LAPACK's pbtrf. Sparse: SuperLU with pivots on the diagonal. Arrow: by the Schur complement of its core.

        Examples
        --------
        >>> import numpy as np, osculate
        >>> H = osculate.hessian_operator(lambda x: (x**2).sum() + ((x[1:] - x[:-1]) ** 2).sum())(np.zeros(50))
        >>> factor = H.cholesky()
        >>> factor.how, factor.L.nnz
        ('banded Cholesky', 99)
        """
        asked = f"{_ASKED}.cholesky"
        return _direct().cholesky_of(self._required(asked), self.name, asked)

    def logdet(self) -> LogDeterminant:
        """Sign and logarithm of |det H|, as ``numpy.linalg.slogdet`` returns them; (0.0, -inf) for a singular H.

        Notes
        -----
        By the factorisation of the form; with outer products by the determinant lemma.

        Examples
        --------
        det(diag(d) + 2·11ᵀ) = Π d (1 + 2 Σ 1/d):

        >>> import numpy as np, osculate
        >>> H = osculate.hessian_operator(lambda x: (x**2).sum() + x.sum() ** 2)(np.ones(100))
        >>> sign, logabsdet = H.logdet()
        >>> sign, bool(np.isclose(logabsdet, 100 * np.log(2) + np.log(101)))
        (1.0, True)
        """
        return _direct().determinant_of(self._required(f"{_ASKED}.logdet"))

    def inertia(self, tolerance: float | None = None) -> Inertia:
        """How many eigenvalues of H are positive, negative and zero.

        Parameters
        ----------
        tolerance : float, optional
            Eigenvalues of at most this absolute value count as zero. By default the smallest that rounding allows, and
            none at all where all signs are certain.

        Returns
        -------
        Inertia
            A named tuple (positive, negative, zero) with ``how`` and ``tolerance``.

        Raises
        ------
        OsculateError
            If rounding could have changed a sign: never a guess.

        Notes
        -----
        Sylvester's law for L D Lᵀ, Haynsworth's for Schur complements; each count is given only where a bound on the
        rounding of the factorisation is below the smallest eigenvalue.

        Examples
        --------
        >>> import numpy as np, osculate
        >>> H = osculate.hessian_operator(lambda x: (x**2).sum() - x.sum() ** 2)(np.zeros(1000))
        >>> H.inertia()[:3]
        (999, 1, 0)
        """
        asked = f"{_ASKED}.inertia"
        return _direct().inertia_of(self._required(asked), tolerance, self.name, asked)

    def newton_step(self, damping: float = 0.0, method: str = "auto") -> NewtonStep:
        """Newton's step −(H + damping·I)⁻¹ ∇f, shaped like the point.

        Parameters
        ----------
        damping : float
            Added to each eigenvalue.
        method : {"auto", "direct", "minres"}
            As in ``solve``.

        Returns
        -------
        NewtonStep
            ``value``, ``error`` (norm of the true residual), ``slope`` ∇f · step, ``negative`` eigenvalues (None if not
            known), ``descent``.

        Raises
        ------
        WrongInput
            For an operator from ``from_product``, which has no gradient.
        OsculateError
            If H + damping·I is singular.

        Examples
        --------
        A quadratic is at its minimum after one step:

        >>> import numpy as np, osculate
        >>> step = osculate.hessian_operator(lambda x: ((x - 3.0) ** 2).sum())(np.zeros(2)).newton_step()
        >>> step.value, step.descent
        (array([3., 3.]), True)
        """
        asked = f"{_ASKED}.newton_step"
        refuse_tracers(asked, self.gradient)
        if self.gradient is None:
            raise WrongInput(
                asked,
                "this operator knows products only, not the gradient",
                remedy="step = -op.solve(gradient).value; or make it with osculate.hessian_operator(f)(x)",
            )
        operator: Any = self
        solution = operator.solve(self.gradient, damping, method=method)
        step = -np.asarray(solution.value, np.float64)
        slope = float(np.asarray(self.gradient, np.float64) @ step)
        direct, negative = _direct(), None
        if solution.how.startswith("exact"):
            system = self._required(asked).shifted(damping)
            negative = direct.negatives(system, direct.factorise(system))
        return direct.NewtonStep(operator.unravel(-solution.value), solution.error, slope, negative, solution.how)
