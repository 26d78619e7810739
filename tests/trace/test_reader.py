"""The trace: our nodes compute what the program computes, and know where the user wrote them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from osculate._interpret import forward
from osculate._trace import (
    Call,
    Cond,
    CustomJVP,
    CustomVJP,
    Elementary,
    LinearSolve,
    Literal,
    Scan,
    Variable,
    While,
    program,
    pushforward,
    single,
    trace,
)


def read(f, *args):
    return trace(f, *args, asked="test")[0]


def names(program):
    return [node.name for node in program.nodes]


def only(program, kind):
    found = [node for node in program.nodes if isinstance(node, kind)]
    assert len(found) == 1
    return found[0]


@jax.custom_jvp
def doubled(x):
    return 2 * x


doubled.defjvp(lambda primals, tangents: (doubled(primals[0]), 2 * tangents[0]))


@jax.custom_vjp
def tripled(x):
    return 3 * x


tripled.defvjp(lambda x: (tripled(x), None), lambda _, ct: (3 * ct,))


def everything(x):
    y = doubled(x) + tripled(x)
    carry, _ = lax.scan(lambda c, a: (c * a, c), y, jnp.arange(1.0, 4.0), reverse=True)
    grown = lax.while_loop(lambda s: s[0] < 3, lambda s: (s[0] + 1, s[1] * 2.0), (0, carry))[1]
    branch = lax.cond(x > 0, jnp.sin, jnp.cos, grown)
    solved = jnp.linalg.solve(jnp.eye(2) * (2 + branch), jnp.ones(2))
    return jax.checkpoint(jnp.sum)(solved) + jax.jit(jnp.tanh)(x)


def test_every_kind_of_node_and_the_value_it_computes():
    read_program = read(everything, 0.7)
    for kind in (Scan, While, Cond, CustomJVP, CustomVJP):
        only(read_program, kind)
    calls = [node for node in read_program.nodes if isinstance(node, Call)]
    assert any(isinstance(inner, LinearSolve) for call in calls for inner in call.body.nodes)
    by_nodes = forward(read_program, [jnp.float32(0.7)], lambda n, v: n.evaluate(*v), lambda variable, value: value)
    np.testing.assert_allclose(by_nodes[0], everything(jnp.float32(0.7)), rtol=1e-6)
    np.testing.assert_allclose(read_program.evaluate(jnp.float32(0.7))[0], everything(jnp.float32(0.7)), rtol=1e-6)


@pytest.mark.parametrize(
    ("f", "parts"),
    [
        (lambda x, c: lax.scan(lambda k, a: (k * c + a, k), x, jnp.ones(5))[1], (1, 1, 5)),
        (lambda x, c: lax.scan(lambda k, a: (k * a, k), x + c, jnp.ones(4))[1], (0, 1, 4)),
        (lambda x, c: lax.scan(lambda k, _: ((k[0] * c, k[1] + x), None), (x, c), None, length=3)[0][0], (2, 2, 3)),
        (lambda x, c: lax.scan(lambda _, a: (None, a[0] * x * c), None, (jnp.ones(2), jnp.ones(2)))[1], (2, 0, 2)),
    ],
)
def test_scan_knows_its_parts(f, parts):
    loop = only(read(f, 1.0, 2.0), Scan)
    assert (loop.constants, loop.carries, loop.length) == parts
    assert not loop.reverse


def test_nodes_know_the_users_line():
    def f(x):
        y = jnp.sin(x)
        return jnp.cumsum(y * 2.0)  # two lines below the definition

    first = f.__code__.co_firstlineno
    node = read(f, np.ones(3, np.float32)).nodes[0]
    assert node.where.file == __file__
    assert node.where.line == first + 1
    assert node.where.function.endswith("f")


def test_what_no_output_needs_is_left_out():
    def f(x):
        jnp.exp(x)
        return jnp.sin(x)

    assert names(read(f, 1.0)) == ["sin"]


def test_keys_identify_operations():
    nodes = read(lambda x: jnp.sin(x) + jnp.sin(2 * x) + lax.integer_pow(x, 2) + lax.integer_pow(x, 3), 1.0).nodes
    sines = [n for n in nodes if n.name == "sin"]
    powers = [n for n in nodes if n.name in ("integer_pow", "square")]
    assert sines[0].key == sines[1].key
    assert powers[0].key != powers[1].key


def test_literals_keep_their_value():
    node = read(lambda x: x * 2.5, np.float32(1.0)).nodes[0]
    literal = next(v for v in node.inputs if isinstance(v, Literal))
    assert literal.value == 2.5


def test_pushforward_is_the_jvp():
    scalar = Variable((), np.dtype("float32"))
    for function in (lax.tanh, lax.exp, lax.lgamma, lax.sqrt):
        rule = pushforward(single(function, scalar), [0])
        expected = jax.jvp(function, (jnp.float32(0.4),), (jnp.float32(1.5),))[1]
        np.testing.assert_allclose(rule.evaluate(jnp.float32(0.4), jnp.float32(1.5))[0], expected, rtol=1e-6)


def test_pushforward_of_a_backward_rule_is_its_transpose():
    node = only(read(tripled, 1.0), CustomVJP)
    assert float(pushforward(node, [0]).evaluate(jnp.float32(1.0), jnp.float32(2.0))[0]) == 6.0


def test_pushforward_follows_a_rule_that_is_not_the_derivative():
    @jax.custom_jvp
    def straight_through(x):
        return jnp.round(x)

    straight_through.defjvp(lambda primals, tangents: (straight_through(primals[0]), tangents[0]))
    node = only(read(straight_through, 1.3), CustomJVP)
    assert float(pushforward(node, [0]).evaluate(jnp.float32(1.3), jnp.float32(5.0))[0]) == 5.0


def test_single_refuses_what_is_several_primitives():
    with pytest.raises(ValueError, match="not one primitive"):
        single(lambda x: jnp.sin(x) + 1, Variable((), np.dtype("float32")))


def test_programs_are_read_once():
    variable = Variable((2,), np.dtype("float32"))
    assert program(lax.sin, variable) is program(lax.sin, Variable((2,), np.dtype("float32")))
    assert program(lax.sin, variable) is not program(lax.sin, Variable((3,), np.dtype("float32")))


def test_elementary_knows_what_is_linear():
    nodes = {n.name: n for n in read(lambda x: jnp.sum(jnp.sin(x)), np.ones(3, np.float32)).nodes}
    assert isinstance(nodes["reduce_sum"], Elementary)
    assert nodes["reduce_sum"].linear
    assert not nodes["sin"].linear
