"""First and second derivatives of a function, as trees, as matrices and as products."""

from .gradient import gradient
from .hessian import hessian
from .hvp import hvp
from .jacobian import jacobian
from .plan import Plan, hessian_plan
from .value_grad_hessian import value_grad_hessian

__all__ = ["Plan", "gradient", "hessian", "hessian_plan", "hvp", "jacobian", "value_grad_hessian"]
