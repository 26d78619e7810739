"""Differential operators of functions: Laplacians, biharmonic and mixed operators, exact or estimated."""

from osculate._jets import partial

from .biharmonic import biharmonic
from .laplacian import laplacian
from .value import value_gradient_laplacian
from .weighted import divergence_form, weighted_laplacian

__all__ = [
    "biharmonic",
    "divergence_form",
    "laplacian",
    "partial",
    "value_gradient_laplacian",
    "weighted_laplacian",
]
