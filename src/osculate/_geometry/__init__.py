"""What derivatives mean at a point: its kind, and how the graph bends there."""

from .critical_point import CriticalPoint, classify
from .curvature import Curvature, curvature

__all__ = ["CriticalPoint", "Curvature", "classify", "curvature"]
