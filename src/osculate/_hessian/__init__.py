"""First and second derivatives of a function, as trees, as matrices and as products."""

from .gradient import gradient
from .hessian import hessian
from .hvp import hvp
from .jacobian import jacobian
from .value_grad_hessian import value_grad_hessian

__all__ = ["gradient", "hessian", "hvp", "jacobian", "value_grad_hessian"]
