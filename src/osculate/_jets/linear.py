"""Jet rules of structural and linear primitives: each coefficient goes through the primitive by itself."""

from __future__ import annotations

from collections.abc import Sequence

from jax import lax

from osculate._interpret import register
from osculate._trace import Node

from .network import Network, linear
from .stream import Stream

# Linear primitives that JAX's own table of linear JVP rules does not mark as such.
register(
    "jets",
    *("neg", "convert_element_type", "copy", "real", "imag", "complex", "conj", "reduce_sum", "cumsum", "fft"),
    *("reshape", "broadcast_in_dim", "squeeze", "expand_dims", "transpose", "rev", "slice", "split", "concatenate"),
    *("pad", "dynamic_slice", "dynamic_update_slice", "select_n", "reduce_window_sum", "optimization_barrier"),
    *("scatter", "scatter-add", "scatter_add", "scatter-sub", "scatter_sub"),
)(linear)


@register("jets", "gather")
def gather(network: Network, node: Node, inputs: Sequence[Stream]) -> list[Stream]:
    """Linear, but the mode "fill" writes NaN into the value of an index out of bounds, not into its derivative."""
    if node.params.get("mode") == lax.GatherScatterMode.FILL_OR_DROP:
        return network.by_pushforward(node, inputs)
    return linear(network, node, inputs)
