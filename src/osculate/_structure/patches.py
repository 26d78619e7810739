"""A convolution as the product of patches with the kernel: index notation then sees all of its structure."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from osculate._trace import Node


def patches_of(node: Node) -> Callable[[Any, Any], Any] | None:
    """A function of (image, kernel) that computes the convolution by gathers and one product; None if it is grouped."""
    params = node.params
    if params["feature_group_count"] != 1 or params["batch_group_count"] != 1:
        return None
    numbers = params["dimension_numbers"]
    return _convolution(
        tuple(params["window_strides"]),
        tuple(map(tuple, params["padding"])),
        tuple(params["lhs_dilation"]),
        tuple(params["rhs_dilation"]),
        tuple(numbers.lhs_spec),
        tuple(numbers.rhs_spec),
        tuple(numbers.out_spec),
    )


@cache
def _convolution(
    strides: tuple[int, ...],
    padding: tuple[tuple[int, int], ...],
    left_dilation: tuple[int, ...],
    right_dilation: tuple[int, ...],
    left: tuple[int, ...],
    right: tuple[int, ...],
    out: tuple[int, ...],
) -> Callable[[Any, Any], Any]:
    count = len(strides)

    def convolution(image: Any, kernel: Any) -> Any:
        image = lax.transpose(image, left)  # batch, features, space
        kernel = lax.transpose(kernel, right)  # out features, in features, space
        config = [(0, 0, 0), (0, 0, 0)]
        config += [(low, high, step - 1) for (low, high), step in zip(padding, left_dilation, strict=True)]
        image = lax.pad(image, jnp.zeros((), image.dtype), config)
        for d in range(count):  # each axis of space becomes two: where the window stands, and the place in the window
            axis, width = 2 + 2 * d, (kernel.shape[2 + d] - 1) * right_dilation[d] + 1
            steps = (image.shape[axis] - width) // strides[d] + 1
            starts = strides[d] * np.arange(steps)[:, None] + right_dilation[d] * np.arange(kernel.shape[2 + d])
            image = jnp.take(image, starts, axis=axis, mode="clip")
        windows, places = [2 + 2 * d for d in range(count)], [3 + 2 * d for d in range(count)]
        contracted = ([1, *places], [1, *range(2, 2 + count)])
        product = lax.dot_general(image, kernel, (contracted, ([], [])))  # batch, windows, out features
        del windows
        product = lax.transpose(product, (0, 1 + count, *range(1, 1 + count)))
        order = [out.index(axis) for axis in range(2 + count)]
        return lax.transpose(product, order)

    return convolution
