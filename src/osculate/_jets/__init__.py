"""Taylor coefficients of any order, over any algebra: streams, their rules, and the lowering."""

from . import bessel as bessel  # their rules
from . import control as control
from . import eigen as eigen
from . import elementwise as elementwise
from . import factors as factors
from . import indexing as indexing
from . import linalg as linalg
from . import linear as linear
from . import special as special
from .derivative import derivative
from .jet import jet
from .partial import derivative_tensor, partial
from .polynomial import Taylor
from .taylor import taylor

__all__ = ["Taylor", "derivative", "derivative_tensor", "jet", "partial", "taylor"]
