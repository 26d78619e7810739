"""osculate: derivatives of every order, Hessians and curvature, and what they mean."""

from ._interpret import register as register
from ._jets import (
    Taylor as Taylor,
)
from ._jets import (
    derivative as derivative,
)
from ._jets import (
    derivative_tensor as derivative_tensor,
)
from ._jets import (
    jet as jet,
)
from ._jets import (
    partial as partial,
)
from ._jets import (
    taylor as taylor,
)
