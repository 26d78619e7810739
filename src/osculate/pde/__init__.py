"""Differential operators of functions: Laplacians, biharmonic and mixed operators, exact or estimated."""

from osculate._jets import partial

from .biharmonic import biharmonic
from .laplacian import laplacian
from .operator import Polynomial, d, operator
from .value import value_gradient_laplacian
from .weighted import divergence_form, weighted_laplacian

__all__ = [
    "Polynomial",
    "biharmonic",
    "d",
    "divergence_form",
    "laplacian",
    "operator",
    "partial",
    "value_gradient_laplacian",
    "weighted_laplacian",
]
