import gc
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import osculate
from osculate import _compiled
from osculate._arguments import transform
from osculate._compiled import computed


@pytest.fixture(autouse=True)
def no_programs(monkeypatch):
    monkeypatch.setattr(_compiled, "_programs", type(_compiled._programs)())


def value(function, primals):
    return function(*primals)


def at(f, *args, computation=value, **options):
    return transform("test", f, lambda point: computed(point, computation), **options)(*args)


def compilations():
    return len(_compiled._programs)


def test_the_same_program_with_other_data_is_compiled_once():
    def loss(x, data):
        return jnp.sum((x * data) ** 2)

    for scale in (1.0, 2.0, 3.0):
        data = np.full(3, scale)
        assert at(lambda x: loss(x, data), np.ones(3))[0] == 3 * scale**2  # noqa: B023
        assert at(loss, np.ones(3), 2 * data)[0] == 12 * scale**2
    assert compilations() == 1


@pytest.mark.parametrize(
    "other",
    [
        lambda x: jnp.sum(x**3),
        lambda x: jnp.sum(x * 2.5),
        lambda x: jnp.sum(x * -0.0),
        lambda x: jnp.sum(x - x[::-1]),
        lambda x: jnp.sum(x[::-1] - x),
        lambda x: jax.lax.cond(x[0] > 0, jnp.sum, jnp.prod, x),
        lambda x: jax.lax.cond(x[0] > 0, jnp.prod, jnp.sum, x),
    ],
)
def test_different_programs_are_not_confused(other):
    x = np.array([0.5, 2.0, 3.0])
    for f in (lambda x: jnp.sum(x**2), lambda x: jnp.sum(x * 2.0), lambda x: jnp.sum(x * 0.0), other):
        with jax.enable_x64(True):
            expected = np.asarray(f(jnp.asarray(x)))
        got = at(f, x)[0]
        assert got == expected
        assert np.signbit(got) == np.signbit(expected)
    assert compilations() == 4


def test_precisions_and_shapes_are_programs_of_their_own():
    for x in (np.ones(2), jnp.ones(2), np.ones(3), {"a": np.ones(3)}):
        at(lambda x: jnp.sum(jax.tree.leaves(x)[0]), x)
    assert compilations() == 4


def test_what_is_only_handed_through_is_not_copied():
    data = jnp.arange(4.0)
    result, auxiliary = at(lambda x: (jnp.sum(x * data), data), jnp.ones(4), has_aux=True)
    assert result == 6
    assert auxiliary is data


def test_data_is_not_kept_alive():
    data = [jnp.arange(4.0) + 1]
    at(lambda x: jnp.sum(x * data[0]), jnp.ones(4))
    gone = weakref.ref(data.pop())
    gc.collect()
    assert gone() is None
    assert compilations() == 1


def test_only_so_many_programs_are_kept(monkeypatch):
    monkeypatch.setattr(_compiled, "_PROGRAMS_KEPT", 2)
    for n in (1, 2, 3, 1):
        assert at(jnp.sum, jnp.ones(n))[0] == n
        assert compilations() <= 2


def test_inside_a_transformation_nothing_is_compiled_apart():
    assert jax.jit(lambda x: at(lambda y: y**2 * x, x)[0])(jnp.float32(3)) == 27
    assert jax.grad(lambda a: at(lambda x: a * x**2, jnp.float32(3))[0])(jnp.float32(2)) == 9
    assert compilations() == 0


def test_data_inside_bodies_is_not_kept_alive():
    def once():
        data = jnp.ones(100_003)
        osculate.gradient(lambda x: jax.jit(lambda y: jnp.sum(y * data))(x))(jnp.float32(1.0))

    once()
    gc.collect()
    assert not [array for array in jax.live_arrays() if array.size == 100_003]


@jax.custom_jvp
def doubled(x):
    return 2 * x


@doubled.defjvp
def _doubled_rule(primals, tangents):
    return doubled(*primals), 2 * tangents[0]


@jax.custom_jvp
def doubled_by_another_rule(x):
    return 2 * x


@doubled_by_another_rule.defjvp
def _another_rule(primals, tangents):
    return 2 * primals[0], 3 * tangents[0]


def slope(function, primals):
    return jax.grad(lambda x: function(x)[0])(*primals)


def test_programs_with_rules_of_functions_of_modules_are_compiled_once():
    for f in (jax.nn.relu, jax.nn.softmax, doubled):
        for _ in range(2):
            at(lambda x: jnp.sum(f(x) ** 2), np.ones(3), computation=slope)  # noqa: B023
    assert compilations() == 3


def test_rules_are_told_apart():
    for f, expected in ((doubled, 2), (doubled_by_another_rule, 3), (doubled, 2)):
        assert at(f, np.float32(1), computation=slope) == expected
    for slope_below in (0.1, 0.3):
        got = at(lambda x: jax.nn.leaky_relu(x, slope_below), np.float32(-1), computation=slope)  # noqa: B023
        assert got == np.float32(slope_below)


def test_a_rule_that_closes_over_data_is_not_kept():
    def once(scale):
        data = jnp.full(100_003, scale)

        @jax.custom_jvp
        def f(x):
            return jnp.sum(x * data)

        @f.defjvp
        def _rule(primals, tangents):
            return f(*primals), jnp.sum(tangents[0] * data)

        return at(f, jnp.float32(1), computation=slope)

    assert [float(once(scale)) for scale in (1.0, 2.0)] == [100_003.0, 200_006.0]
    gc.collect()
    assert not [array for array in jax.live_arrays() if array.size == 100_003]
    assert compilations() == 0


STEEPNESS = [2.0, 1.0]


@jax.custom_jvp
def by_a_variable_of_the_module(x):
    return x


@by_a_variable_of_the_module.defjvp
def _rule_of_the_module(primals, tangents):
    return by_a_variable_of_the_module(*primals), STEEPNESS[0] * STEEPNESS[1] * tangents[0]


def test_a_rule_that_reads_a_variable_is_read_anew(monkeypatch):
    monkeypatch.setitem(globals(), "STEEPNESS", [2.0, 1.0])
    assert at(by_a_variable_of_the_module, np.float32(1), computation=slope) == 2
    STEEPNESS[0] = 5.0
    assert at(by_a_variable_of_the_module, np.float32(1), computation=slope) == 5
    assert compilations() == 2
    STEEPNESS[1] = jnp.full((), 3, jnp.float32)  # an array is data: the program is not kept
    assert at(by_a_variable_of_the_module, np.float32(1), computation=slope) == 15
    assert compilations() == 2
