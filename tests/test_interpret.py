"""Walks and rule tables."""

import jax.numpy as jnp
import numpy as np
import pytest

import osculate
from osculate._errors import WrongInput
from osculate._interpret import backward, forward, table
from osculate._trace import trace


def read(f, *args):
    return trace(f, *args, asked="test")[0]


def test_forward_computes():
    program = read(lambda x, y: jnp.sin(x) * y + 2.0, 1.0, 2.0)
    result = forward(
        program, [jnp.float32(1.0), jnp.float32(2.0)], lambda n, v: n.evaluate(*v), lambda var, value: value
    )
    np.testing.assert_allclose(result[0], np.sin(1.0) * 2 + 2, rtol=1e-6)


def test_forward_of_an_input_that_is_an_output_and_of_a_constant():
    data = np.arange(3, dtype=np.float32)
    program = read(lambda x: (x, data * 1.0, 5.0), 1.0)
    result = forward(program, [7.0], lambda n, v: n.evaluate(*v), lambda var, value: value)
    assert result[0] == 7.0
    np.testing.assert_array_equal(result[1], data)
    assert result[2] == 5.0


def test_forward_lets_values_go():
    alive = []

    class Value:
        def __init__(self):
            alive.append(self)

        def __del__(self):
            counts["dropped"] += 1

    counts = {"dropped": 0, "most": 0}

    def step(node, inputs):
        counts["most"] = max(counts["most"], len(alive) - counts["dropped"])
        made = [Value() for _ in node.outputs]
        alive.clear()
        return made

    def chain(x):
        for _ in range(20):
            x = jnp.sin(x)
        return x

    forward(read(chain, 1.0), [None], step, lambda var, value: None)
    assert counts["dropped"] >= 18


def test_backward_joins_what_several_uses_send():
    program = read(lambda x, y: jnp.sin(x) + x * y, 1.0, 2.0)
    reached = backward(program, [frozenset({"out"})], lambda node, out: [out[0]] * len(node.inputs), frozenset.union)
    assert reached == [frozenset({"out"})] * 2


def test_backward_counts_paths():
    program = read(lambda x: jnp.sin(x) * jnp.cos(x) + x, 1.0)
    assert backward(program, [1], lambda node, out: out * len(node.inputs), int.__add__) == [3]


def test_backward_leaves_out_what_is_not_reached():
    program = read(lambda x, y: (jnp.sin(x), jnp.cos(y)), 1.0, 2.0)
    assert backward(program, [1, None], lambda node, out: out * len(node.inputs), int.__add__) == [1, None]


def test_register_adds_a_rule_that_counts():
    rule = table("jets").pop("sin", None)
    try:

        @osculate.register("jets", "sin")
        def frozen(network, node, inputs):
            return network.constants(node, inputs)

        assert table("jets")["sin"] is frozen
        assert osculate.derivative(jnp.sin)(0.3) == 0.0
    finally:
        table("jets").pop("sin")
        if rule is not None:
            table("jets")["sin"] = rule
    assert osculate.derivative(jnp.sin)(0.0) == 1.0


def test_register_takes_primitives():
    from jax import lax

    previous = table("dependence").get("sin")
    osculate.register("dependence", lax.sin_p)(lambda node, inputs: [{}])
    try:
        assert table("dependence")["sin"] is not previous
    finally:
        table("dependence").pop("sin")


def test_register_knows_its_readings():
    with pytest.raises(WrongInput, match="no reading 'jet'") as caught:
        osculate.register("jet", "sin")
    assert "'jets'" in caught.value.remedy
