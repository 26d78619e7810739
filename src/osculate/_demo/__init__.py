"""The edge of stability on real data: training, sharpness over training, the report on where it ends."""

from .experiment import Experiment, analyse, train

__all__ = ["Experiment", "analyse", "train"]
