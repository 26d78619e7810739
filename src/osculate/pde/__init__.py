"""Differential operators of functions: Laplacians, biharmonic and mixed operators, exact or estimated."""

from .laplacian import laplacian

__all__ = ["laplacian"]
