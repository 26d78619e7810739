"""The public ``jet``: layout, scaling, pytrees, and its messages."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jax.experimental import jet as peer

import osculate
from osculate._errors import Unreadable, WrongInput, WrongType


def test_coefficients_of_exp():
    value, orders = osculate.jet(np.exp, (0.0,), ([1.0, 0.0, 0.0, 0.0],), scaling="coefficient")
    assert value == 1.0
    np.testing.assert_allclose(orders, [1, 1 / 2, 1 / 6, 1 / 24], rtol=1e-16)


@given(st.lists(st.floats(-2, 2), min_size=1, max_size=5), st.floats(-1, 1))
def test_the_two_scalings_agree(terms, x):
    factorials = [float(np.prod(np.arange(1, k + 1))) for k in range(1, len(terms) + 1)]
    f = lambda t: jnp.sin(t) * jnp.exp(t)  # noqa: E731
    _, one = osculate.jet(f, (x,), (terms,), scaling="coefficient")
    scaled = [t * k for t, k in zip(terms, factorials, strict=True)]
    _, two = osculate.jet(f, (x,), (scaled,), scaling="derivative")
    np.testing.assert_allclose([a * k for a, k in zip(one, factorials, strict=True)], two, rtol=1e-12, atol=1e-12)


def test_same_layout_as_jax():
    f = lambda x, y: jnp.sin(x) * jnp.cos(y) + x * y  # noqa: E731
    with jax.enable_x64(True):
        primals = (jnp.array([0.3, 0.5]), jnp.array([0.7, -0.2]))
        series = ([jnp.array([1.0, 2.0]), jnp.array([0.5, 0.1])], [jnp.array([-1.0, 0.3]), jnp.array([0.2, 0.4])])
        ours = osculate.jet(f, primals, series, scaling="derivative")
        theirs = peer.jet(f, primals, series)
        np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-15)
        assert isinstance(ours[1], list)
        np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-13)


def test_pytrees_in_and_out():
    def f(p):
        return {"product": p["a"] * p["b"], "sum": p["a"] + jnp.sum(p["b"])}

    p = {"a": 2.0, "b": np.array([1.0, 3.0])}
    value, (one, two) = osculate.jet(f, (p,), ([p, None],), scaling="coefficient")
    np.testing.assert_allclose(value["product"], [2, 6])
    np.testing.assert_allclose(one["product"], [4, 12])  # p (1 + t) squared is p² (1 + 2t + t²)
    np.testing.assert_allclose(two["product"], [2, 6])
    assert one["sum"] == 6
    assert two["sum"] == 0


def test_none_is_zero_also_inside_a_pytree():
    f = lambda p: p["a"] * p["b"]  # noqa: E731
    _, (one,) = osculate.jet(f, ({"a": 2.0, "b": 5.0},), ([{"a": 1.0, "b": None}],), scaling="coefficient")
    assert one == 5.0


def test_integer_outputs_have_zero_series():
    value, (one,) = osculate.jet(
        lambda x: (jnp.argmax(x), x), (np.array([1.0, 3.0]),), ([np.ones(2)],), scaling="coefficient"
    )
    assert value[0] == 1
    assert one[0] == 0


def test_outputs_that_do_not_depend():
    value, orders = osculate.jet(lambda x: (2.0, x), (1.0,), ([1.0, 0.0],), scaling="coefficient")
    assert value == (2.0, 1.0)
    assert [o[0] for o in orders] == [0.0, 0.0]


def test_holomorphic():
    _, orders = osculate.jet(jnp.exp, (1j,), ([1.0 + 0j, 0j],), scaling="derivative")
    np.testing.assert_allclose(orders, [np.exp(1j)] * 2, rtol=1e-15)


def test_scaling_must_be_given():
    with pytest.raises(TypeError, match="scaling"):
        osculate.jet(jnp.sin, (1.0,), ([1.0],))
    with pytest.raises(WrongInput, match="unknown"):
        osculate.jet(jnp.sin, (1.0,), ([1.0],), scaling="taylor")


@pytest.mark.parametrize(
    ("primals", "series", "words"),
    [
        ((1.0,), ([np.ones(2)],), r"order 1 of argument 0 has shape \(2,\), but the argument has \(\)"),
        ((1.0, 2.0), ([1.0, 2.0], [1.0]), "the series have 2, 1 orders"),
        ((1.0,), ([],), "at least one"),
        ((1.0, 2.0), ([1.0],), "2 primals but 1 series"),
        (({"a": 1.0},), ([{"b": 1.0}],), "order 1 of argument 0"),
    ],
)
def test_series_that_do_not_fit(primals, series, words):
    with pytest.raises(WrongInput, match=words) as caught:
        osculate.jet(lambda *x: x[0], primals, series, scaling="coefficient")
    assert "now:" in str(caught.value)


def test_integer_primals_are_refused():
    with pytest.raises(WrongType, match="integer"):
        osculate.jet(jnp.sin, (1,), ([1.0],), scaling="coefficient")


def test_missing_rules_name_the_line():
    def f(x):
        y = jnp.sin(x)
        return jnp.linalg.svd(y * jnp.ones((3, 2)), full_matrices=True)[0] * x

    with pytest.raises(Unreadable, match="svd") as caught:
        osculate.jet(f, (1.0,), ([1.0, 0.0],), scaling="coefficient")
    assert caught.value.where.line == f.__code__.co_firstlineno + 2
    assert "osculate.register" in caught.value.remedy


def test_zero_directions_cost_nothing():
    program = jax.make_jaxpr(lambda x: osculate.jet(jnp.sin, (x,), ([None, None],), scaling="coefficient"))(1.0)
    assert [e.primitive.name for e in program.jaxpr.eqns].count("mul") == 0


def test_products_of_tangents_under_a_primitive_without_a_rule():
    """``ragged_dot`` is bilinear, but only its JVP rule says so: at order 2 two tangents meet in it."""
    rng = np.random.default_rng(0)
    point, direction, groups = rng.normal(size=24), rng.normal(size=24), np.array([1, 3], np.int32)

    def f(p):
        return jax.lax.ragged_dot(p[:12].reshape(4, 3), p[12:].reshape(2, 3, 2), groups)

    _, (_, two, three) = osculate.jet(f, (point,), ([direction, None, None],), scaling="coefficient")
    np.testing.assert_allclose(two, osculate.jet(f, (direction,), ([None],), scaling="coefficient")[0], rtol=1e-13)
    np.testing.assert_array_equal(three, 0)


def test_a_rule_that_is_not_linear_in_its_tangents_is_refused():
    @jax.custom_jvp
    def wrong(x):
        return jnp.sin(x)

    wrong.defjvp(lambda primals, tangents: (wrong(primals[0]), tangents[0] + primals[0]))
    with pytest.raises(Unreadable, match="not linear in its tangents"):
        osculate.derivative(wrong, 2)(0.3)


def test_zeros_written_out_in_a_rule_are_zeros():
    """The rule of ``logaddexp`` multiplies the tangent of the constant, 0, by a value that contains the result."""
    assert osculate.derivative(jax.nn.softplus, 2)(0.0) == pytest.approx(0.25, rel=1e-15)
    assert osculate.derivative(lambda x: jnp.logaddexp(x, 1.0), 3)(1.0) == pytest.approx(0.0, abs=1e-15)


def test_nan_where_f_is_nan():
    _, orders = osculate.jet(jnp.log, (-1.0,), ([1.0, 0.0],), scaling="coefficient")
    assert np.isnan(orders).all()


def test_effects_are_not_lost(capfd):
    def f(x):
        jax.debug.print("x is {}", x)
        return jnp.sin(x)

    osculate.derivative(f, 2)(0.5)
    jax.effects_barrier()
    assert "x is 0.5" in capfd.readouterr().out


def test_polynomials_whose_coefficients_move_too():
    value, (one, two) = osculate.jet(
        jnp.polyval, (np.array([1.0, 2.0]), 3.0), ([np.array([1.0, 0.0]), None], [1.0, None]), scaling="coefficient"
    )
    assert (value, one, two) == (5.0, 4.0, 1.0)  # (1 + t)(3 + t) + 2


def test_what_jax_cannot_differentiate_is_refused_not_zero():
    try:
        slope = osculate.derivative(lambda x: jnp.nextafter(x, 5.0))(0.5)
    except Unreadable as error:
        assert "nextafter" in str(error)  # noqa: PT017  (newer releases of JAX have a rule)
    else:
        assert slope == 1


@pytest.mark.parametrize("n", [1, 3, 12, 120])
def test_negative_powers_vanish_far_out(n):
    """x^n overflows there, but x^-n is harmless."""
    assert osculate.derivative(lambda r: r + r**-n, 1)(1e3) == pytest.approx(1 - n * 1e3 ** (-n - 1.0), rel=1e-15)
    assert osculate.derivative(lambda r: r**-n, 2)(2.0) == pytest.approx(n * (n + 1) * 2.0 ** (-n - 2), rel=1e-13)


def test_factorials_beyond_the_dtype():
    assert osculate.derivative(lambda x: x**2, 40)(jnp.float32(1)) == 0
    assert osculate.derivative(lambda x: x**2, 180)(1.0) == 0
    assert osculate.taylor(lambda x: x**2, 180)(1.0).derivatives.tolist() == [1, 2, 2] + [0] * 178
    _, orders = osculate.jet(lambda x: x**2, (1.0,), ([1.0] + [None] * 174,), scaling="derivative")
    assert [float(o) for o in orders] == [2, 2] + [0] * 173


def test_a_rule_whose_loop_closes_over_a_series():
    @jax.custom_jvp
    def tripled(x):
        return jnp.sin(x)

    def rule(primals, tangents):
        slope = jnp.cos(primals[0])
        start = jnp.zeros_like(tangents[0])
        return tripled(primals[0]), jax.lax.scan(lambda a, _: (a + tangents[0] * slope, None), start, None, length=3)[0]

    tripled.defjvp(rule)
    assert osculate.derivative(tripled, 2)(0.4) == pytest.approx(-3 * np.sin(0.4), rel=1e-14)


def test_a_linear_system_given_by_a_loop():
    def f(x):
        def product(v):
            return jax.lax.fori_loop(0, 2, lambda i, c: c + (jnp.sin(x) + 2) * v, 0.0 * v)

        return jax.lax.custom_linear_solve(product, x * x, lambda mv, b: b / mv(1.0), symmetric=True)

    _, (one, two) = osculate.jet(f, (0.3,), ([1.0, None],), scaling="derivative")
    plain = lambda x: x * x / (2 * (jnp.sin(x) + 2))  # noqa: E731
    assert one == pytest.approx(osculate.derivative(plain, 1)(0.3), rel=1e-14)
    assert two == pytest.approx(osculate.derivative(plain, 2)(0.3), rel=1e-14)


def test_complex_directions_of_real_points_are_refused():
    with pytest.raises(WrongType, match="order 1 of argument 0 is complex"):
        osculate.jet(jnp.sin, (1.0,), ([1.0 + 1j],), scaling="coefficient")
    with pytest.raises(WrongType, match="the direction is complex"):
        osculate.taylor(jnp.sum, 2)(np.ones(2), np.array([1j, 1]))


def test_long_rules_do_not_exhaust_the_stack():
    @jax.custom_jvp
    def iterated(x):
        for _ in range(300):
            x = jnp.sin(x) * 1.01
        return x

    def rule(primals, tangents):
        (x,), (tangent,) = primals, tangents
        for _ in range(300):
            tangent = jnp.cos(x) * 1.01 * tangent
            x = jnp.sin(x) * 1.01
        return x, tangent

    iterated.defjvp(rule)
    ours = osculate.taylor(iterated, 3)(0.3).coefficients
    np.testing.assert_allclose(ours, osculate.taylor(iterated.__wrapped__, 3)(0.3).coefficients, rtol=1e-11)
