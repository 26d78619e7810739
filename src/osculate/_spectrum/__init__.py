"""Spectra from products alone: Lanczos, density, XTrace, XDiag, condition, each with its error.

Everything here is a pure function of an operator's shape, dtype and product; the work is done on the host in float64.
"""

from osculate._spectrum.condition import Condition as Condition
from osculate._spectrum.condition import condition_number as condition_number
from osculate._spectrum.density import SpectralDensity as SpectralDensity
from osculate._spectrum.density import spectral_density as spectral_density
from osculate._spectrum.diagonal import diagonal as diagonal
from osculate._spectrum.eigenvalues import Eigenvalues as Eigenvalues
from osculate._spectrum.eigenvalues import eigenvalues as eigenvalues
from osculate._spectrum.trace import trace as trace
