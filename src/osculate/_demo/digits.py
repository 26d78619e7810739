"""Scikit-learn's handwritten digits, as inputs and one-hot targets."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from osculate._errors import MissingExtra


def digits(samples: int | None = None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Pixels in [0, 1] minus their mean image, shape (N, 64), and one-hot targets, shape (N, 10), in float64.

    The data is the test part of the UCI optical digits (Alpaydın and Kaynak 1998), 1,797 images of 8 × 8, which
    scikit-learn carries inside its wheel: nothing is downloaded. The mean image is taken off because a common offset
    of all inputs alone makes a large, uninteresting curvature in the first layer.

    Raises
    ------
    MissingExtra
        If scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise MissingExtra(
            "osculate demo",
            "the digits come with scikit-learn, which is not installed.",
            remedy='python -m pip install "osculate[demo]"',
        ) from error
    loaded: Any = load_digits()
    pixels = np.asarray(loaded.data, np.float64)[:samples] / 16
    labels = np.asarray(loaded.target, np.int64)[:samples]
    return pixels - pixels.mean(axis=0), np.eye(10)[labels]
