"""Curvature matrices as products: one matrix a file, all of them ``CurvatureOperator``."""

from .hessian import hessian_operator
from .operator import CurvatureOperator

__all__ = ["CurvatureOperator", "hessian_operator"]
