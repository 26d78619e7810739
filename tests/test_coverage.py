"""Coverage says what can be read; what it says is then tried."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import osculate
from osculate._errors import Unreadable


def callback(x):
    return jax.pure_callback(np.sin, jax.ShapeDtypeStruct((), x.dtype), x) + x


def loop(a):
    return jax.lax.while_loop(lambda s: abs(s * s - a) > 1e-12, lambda s: (s + a / s) / 2, a)


def test_all_readings_of_a_plain_function():
    found = osculate.coverage(lambda x: jnp.sum(jnp.tanh(x) ** 2))(np.ones(3))
    assert found
    assert all(found[name] for name in ("jets", "forward", "reverse"))


def test_a_callback_is_named_with_its_line():
    found = osculate.coverage(callback)(1.0)
    assert not found
    (gap,) = found.readings["jets"]
    assert gap.primitive == "pure_callback"
    assert (gap.where.file, gap.where.line) == (__file__, callback.__code__.co_firstlineno + 1)
    with pytest.raises(Unreadable, match="pure_callback") as caught:
        osculate.derivative(callback)(1.0)
    assert caught.value.where.line == gap.where.line
    assert "pure_callback" in str(found)


def test_a_while_loop_has_no_reverse():
    found = osculate.coverage(loop)(2.0)
    assert found["jets"]
    assert not found["reverse"]
    assert found.readings["reverse"][0].primitive == "while"
    # √a: second derivative −a^(−3/2)/4
    assert osculate.derivative(loop, 2)(2.0) == pytest.approx(-(2.0**-1.5) / 4, rel=1e-9)


def test_gaps_inside_loops_and_branches_are_found():
    def f(x):
        return jax.lax.scan(lambda c, a: (callback(c), None), x, None, length=2)[0]

    assert osculate.coverage(f)(1.0).readings["jets"][0].primitive == "pure_callback"
    g = lambda x: jax.lax.cond(x > 0, callback, jnp.sin, x)  # noqa: E731
    assert not osculate.coverage(g)(1.0)["jets"]


def test_what_the_input_does_not_reach_does_not_count():
    assert osculate.coverage(lambda x: x * callback(jnp.float32(2.0)))(1.0)


def test_works_where_nothing_has_a_value():
    seen = []
    jax.jit(lambda x: seen.append(osculate.coverage(jnp.sin)(x)) or x)(1.0)
    assert seen[0]["jets"]


@pytest.mark.parametrize(
    "transform", [osculate.gradient, osculate.hessian, osculate.hessian_operator, osculate.classify]
)
def test_what_has_no_reverse_is_named_with_its_line(transform):
    with pytest.raises(Unreadable, match="`while` in reverse") as caught:
        transform(loop)(2.0)
    assert caught.value.where.line == loop.__code__.co_firstlineno + 1
    assert "derivative_tensor" in caught.value.remedy
    assert osculate.derivative_tensor(loop, 2)(2.0) == pytest.approx(-(2.0**-1.5) / 4, rel=1e-9)


def test_a_primitive_inside_a_function_of_jax_has_the_line_of_its_call():
    def f(x):
        y = x * jnp.ones((3, 2))
        return jnp.linalg.svd(y, full_matrices=True)[0]

    found = osculate.coverage(f)(1.0)
    lines = {gap.where.line for gaps in found.readings.values() for gap in gaps}
    assert lines == {f.__code__.co_firstlineno + 2}
