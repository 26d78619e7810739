"""The structure of a Hessian, read from a trace: terms in index notation, a sparsity pattern, and what they cost."""

from .blame import asymmetric_rules
from .entries import Entries, entries
from .first_order import read_first_order
from .matrix import MatrixPlan, matrix_plan
from .outer import Outer, outer
from .reach import gradient_pattern
from .structure import Indices, Structure, TooManyTerms, index_constants, read
from .sweep import Fallback

__all__ = [
    "Entries",
    "Fallback",
    "Indices",
    "MatrixPlan",
    "Outer",
    "Structure",
    "TooManyTerms",
    "asymmetric_rules",
    "entries",
    "gradient_pattern",
    "index_constants",
    "matrix_plan",
    "outer",
    "read",
    "read_first_order",
]
