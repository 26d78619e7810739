"""Jet rules of scatters and windows that multiply, which JAX differentiates for unique indices or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from osculate._interpret import register
from osculate._trace import Node, inner_program

from .network import Network
from .special import by_formula
from .stream import Stream


@register("jets", "scatter-mul", "scatter_mul")
def scatter_multiply(network: Network, node: Node, inputs: Sequence[Stream]) -> list[Stream]:
    """Products into places that may repeat: one update after the other."""
    numbers: lax.ScatterDimensionNumbers = node.params["dimension_numbers"]
    late = any(s.offset for s in inputs)
    if node.params["unique_indices"] or late or getattr(numbers, "operand_batching_dims", ()):
        return network.by_pushforward(node, inputs)
    return by_formula(network, node, inputs, _one_by_one(numbers, node.params["mode"]))


@lru_cache(maxsize=256)
def _one_by_one(numbers: lax.ScatterDimensionNumbers, mode: Any) -> Callable[..., Any]:
    def scattered(operand: Any, indices: Any, updates: Any) -> Any:
        window = numbers.update_window_dims
        places = [d for d in range(updates.ndim) if d not in window]
        moved = jnp.moveaxis(updates, places, range(len(places)))
        moved = moved.reshape(-1, *moved.shape[len(places) :])
        single = lax.ScatterDimensionNumbers(
            update_window_dims=tuple(range(len(window))),
            inserted_window_dims=numbers.inserted_window_dims,
            scatter_dims_to_operand_dims=numbers.scatter_dims_to_operand_dims,
        )

        def step(so_far: Any, item: Any) -> tuple[Any, None]:
            index, update = item
            return lax.scatter_mul(so_far, index, update, single, mode=mode, unique_indices=True), None

        return lax.scan(step, operand, (indices.reshape(-1, indices.shape[-1]), moved))[0]

    return scattered


@register("jets", "reduce_window")
def reduce_window(network: Network, node: Node, inputs: Sequence[Stream]) -> list[Stream]:
    """A window reduced by any function: shifted arrays, joined one after the other."""
    count = len(inputs) // 2
    body = inner_program(node)
    shape, params = node.outputs[0].shape, node.params
    steps = list(zip(params["base_dilation"], params["padding"], strict=True))

    def reduced(*values: Any) -> list[Any]:
        operands, starts = values[:count], values[count:]
        padded = [lax.pad(x, s, [(*edge, d - 1) for d, edge in steps]) for x, s in zip(operands, starts, strict=True)]
        so_far = [jnp.full(shape, s).ravel() for s in starts]
        for offset in np.ndindex(*params["window_dimensions"]):
            first = np.multiply(offset, params["window_dilation"])
            last = first + (np.array(shape) - 1) * params["window_strides"] + 1
            limits = first.tolist(), last.tolist(), params["window_strides"]
            items = [lax.slice(x, *limits).ravel() for x in padded]
            so_far = jax.vmap(body.evaluate)(*so_far, *items)
        return [x.reshape(shape) for x in so_far]

    return by_formula(network, node, inputs, reduced)
