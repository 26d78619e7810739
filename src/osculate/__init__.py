"""osculate: derivatives of every order, Hessians and curvature, and what they mean."""

from . import optimize, pde
from ._coverage import coverage
from ._explain import explain
from ._geometry import CriticalPoint, Curvature, classify, curvature
from ._hessian import gradient, hessian, hessian_plan, hvp, jacobian, sparsity, value_grad_hessian
from ._interpret import register
from ._jets import Taylor, derivative, derivative_tensor, jet, partial, taylor
from ._operators import CurvatureOperator, hessian_operator
from ._report import report
from ._results import Estimate
from ._spectrum import condition_number, eigenvalues, spectral_density
from .pde import biharmonic, laplacian

__all__ = [
    # derivatives of every order
    "derivative",
    "derivative_tensor",
    "jet",
    "partial",
    "taylor",
    "Taylor",
    # first and second derivatives
    "gradient",
    "hessian",
    "hessian_plan",
    "hvp",
    "jacobian",
    "sparsity",
    "value_grad_hessian",
    # differential operators; more of them in osculate.pde
    "biharmonic",
    "laplacian",
    "pde",
    # programs for solvers that exist
    "optimize",
    # curvature as an operator, and its spectrum
    "condition_number",
    "eigenvalues",
    "hessian_operator",
    "spectral_density",
    "CurvatureOperator",
    "Estimate",
    # what it means
    "classify",
    "coverage",
    "curvature",
    "explain",
    "report",
    "CriticalPoint",
    "Curvature",
    # extending
    "register",
]
