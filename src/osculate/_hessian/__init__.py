"""First and second derivatives of a function, as trees, as matrices and as products."""

from .gradient import gradient
from .hessian import hessian
from .hvp import hvp
from .jacobian import jacobian
from .plan import Plan, hessian_plan
from .sparsity import Sparsity, sparsity
from .value_grad_hessian import value_grad_hessian

__all__ = [
    "Plan",
    "Sparsity",
    "gradient",
    "hessian",
    "hessian_plan",
    "hvp",
    "jacobian",
    "sparsity",
    "value_grad_hessian",
]
