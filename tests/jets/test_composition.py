"""Jets among the other transformations: under jit, vmap and grad, of a grad, of a jet; small shapes; float32."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import jet_oracle
import numpy as np
import programs_arrays
import programs_control
import programs_elementwise
import programs_linalg
import pytest
from jax import lax

import osculate
from osculate._errors import WrongInput

ORDER = 3
X = np.array([0.3, 0.7, 0.5])
W = np.array([[0.9, -0.4, 0.3], [0.2, 1.1, -0.7], [-0.5, 0.6, 0.8]])
V = np.array([[1.0, -0.5, 0.3], [0.2, 0.7, -1.1], [0.4, -0.9, 0.6]])


@pytest.fixture
def _float64() -> Iterator[None]:
    with jax.enable_x64():
        yield


def network(w: Any, x: Any) -> Any:
    return jnp.sum(jnp.tanh(w @ jnp.sin(x)) ** 2)


def looped(w: Any, x: Any) -> Any:
    return jnp.sum(lax.scan(lambda c, u: (jnp.tanh(w @ c) * u, None), x, x)[0])


def solved(w: Any, x: Any) -> Any:
    return jnp.sum(jnp.linalg.solve(w + jnp.outer(x, x), jnp.cos(x)))


def chosen(w: Any, x: Any) -> Any:
    return lax.cond(x[0] > 0, lambda y: jnp.sum(jnp.exp(w @ y)), lambda y: jnp.sum(y), jnp.where(x > 0.4, x, x**2))


PROGRAMS = {"network": network, "looped": looped, "solved": solved, "chosen": chosen}
every_program = pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
float64 = pytest.mark.usefixtures("_float64")


def coefficients(function: Any, x: Any, directions: Any) -> list[Any]:
    """Value and derivatives along the curve with these directions, as a list."""
    value, orders = osculate.jet(function, (x,), (list(directions),), scaling="derivative")
    return [value, *orders]


def reference(function: Any, x: Any, directions: Any) -> list[Any]:
    return jet_oracle.nested_derivatives(function, (x,), (list(directions),))


def directions_of(program: jet_oracle.Program) -> tuple[Any, Any, tuple[Any, ...]]:
    """The point, one tangent for every argument, and two further directions for the series."""
    primals, series = jet_oracle.point_and_series(program, 3)
    return tuple(primals), tuple(orders[0] for orders in series), tuple(orders[1:] for orders in series)


def check_close(found: Any, expected: Any, rtol: float = 1e-9) -> None:
    jet_oracle.assert_same_derivatives(found, expected, rtol)


@float64
@every_program
def test_jitted(program: Any) -> None:
    jitted = jax.jit(lambda w, x, v: coefficients(lambda y: program(w, y), x, v))
    check_close(jitted(W, X, V), reference(lambda y: program(W, y), jnp.asarray(X), jnp.asarray(V)))


@float64
@every_program
def test_vmapped_over_points_and_directions(program: Any) -> None:
    points = jnp.stack([jnp.asarray(X), jnp.asarray(X[::-1]), jnp.asarray(X) ** 2])
    directions = jnp.stack([jnp.asarray(V), jnp.asarray(V.T), -jnp.asarray(V)])
    found = jax.vmap(lambda x, v: coefficients(lambda y: program(W, y), x, v))(points, directions)
    for i in range(3):
        check_close([order[i] for order in found], reference(lambda y: program(W, y), points[i], directions[i]))


@float64
def test_vmapped_over_directions_alone() -> None:
    found = jax.vmap(lambda v: coefficients(lambda y: network(W, y), X, [v, 0 * v, 0 * v]))(jnp.eye(3))
    third = jax.jacfwd(jax.jacfwd(jax.jacfwd(lambda y: network(W, y))))(jnp.asarray(X))
    np.testing.assert_allclose(found[3], jnp.einsum("iii->i", third), rtol=1e-11)


@float64
@every_program
def test_gradient_of_a_jet_in_the_parameters(program: Any) -> None:
    def residual(derivative: Any, w: Any) -> Any:
        return derivative(lambda y: program(w, y), jnp.asarray(X), jnp.asarray(V))[3] ** 2

    found = jax.grad(lambda w: residual(coefficients, w))(jnp.asarray(W))
    check_close([found], [jax.jit(jax.grad(lambda w: residual(reference, w)))(jnp.asarray(W))])


@float64
@every_program
def test_gradient_of_a_jet_in_the_point_and_the_directions(program: Any) -> None:
    def residual(derivative: Any, x: Any, v: Any) -> Any:
        return sum(jnp.sin(order) for order in derivative(lambda y: program(W, y), x, v))

    arguments = (jnp.asarray(X), jnp.asarray(V))
    found = jax.grad(lambda x, v: residual(coefficients, x, v), (0, 1))(*arguments)
    check_close(found, jax.jit(jax.grad(lambda x, v: residual(reference, x, v), (0, 1)))(*arguments))


@float64
@every_program
def test_jet_of_a_gradient(program: Any) -> None:
    gradient = jax.grad(lambda y: program(W, y))
    check_close(coefficients(gradient, jnp.asarray(X), V), reference(gradient, jnp.asarray(X), jnp.asarray(V)))


@float64
@every_program
def test_jet_of_a_jvp_and_of_a_vjp(program: Any) -> None:
    def pushed(y: Any) -> Any:
        return jax.jvp(lambda z: program(W, z), (y,), (jnp.cos(y),))[1]

    check_close(coefficients(pushed, jnp.asarray(X), V), reference(pushed, jnp.asarray(X), jnp.asarray(V)))


@float64
@every_program
def test_jet_of_a_jet(program: Any) -> None:
    def inner(derivative: Any) -> Any:
        return lambda y: derivative(lambda z: program(W, z), y, [jnp.cos(y), y**2])[2]

    found = coefficients(inner(coefficients), jnp.asarray(X), V[:2])
    check_close(found, reference(inner(reference), jnp.asarray(X), jnp.asarray(V[:2])))


OTHERS = {
    **{name: programs_elementwise.PROGRAMS[name] for name in ("hyperbolic", "real_powers", "quotient", "clip")},
    **{name: programs_arrays.PROGRAMS[name] for name in ("softmax", "cumulative_product", "sort", "updates")},
    **{
        name: programs_linalg.PROGRAMS[name]
        for name in ("inverse", "determinant", "cholesky", "triangular_solve", "qr")
    },
    **{name: programs_linalg.PROGRAMS[name] for name in ("eigenvectors", "custom_root", "conjugate_gradients", "lu")},
    **{name: programs_control.PROGRAMS[name] for name in ("scan_reversed", "while_data_dependent", "vmapped_while")},
    **{name: programs_control.PROGRAMS[name] for name in ("custom_jvp_other_rule", "custom_jvp_in_scan", "remat")},
    **{name: programs_control.PROGRAMS[name] for name in ("fori_dynamic", "cond_in_scan")},
}


@float64
@pytest.mark.parametrize("name", OTHERS)
def test_forward_derivative_of_a_jet(name: str) -> None:
    """The jet's own jvp: every rule of the network has to be differentiable, and rightly so."""
    program = OTHERS[name]
    primals, tangents, series = directions_of(program)

    def by_jet(*arguments: Any) -> Any:
        return osculate.jet(program.function, arguments, series, scaling="derivative")[1][1]

    def by_jvp(*arguments: Any) -> Any:
        return jet_oracle.nested_derivatives(program.like or program.function, arguments, series)[2]

    check_close([jax.jvp(by_jet, primals, tangents)[1]], [jax.jvp(by_jvp, primals, tangents)[1]], 1e-7)


@float64
@pytest.mark.parametrize("name", ["custom_vjp", "custom_vjp_other_rule"])
def test_gradient_of_a_jet_of_custom_vjp(name: str) -> None:
    """JAX has no forward derivative of a ``custom_vjp`` function; the reverse one must follow its rule."""
    program = programs_control.PROGRAMS[name]
    (x,), _, series = directions_of(program)

    def by_jet(y: Any) -> Any:
        return jnp.sum(osculate.jet(program.function, (y,), series, scaling="derivative")[1][1])

    def by_jvp(y: Any) -> Any:
        return jnp.sum(jet_oracle.nested_derivatives(program.like or program.function, (y,), series)[2])

    check_close([jax.grad(by_jet)(x)], [jax.grad(by_jvp)(x)])


@float64
def test_jet_of_a_jet_of_a_jet() -> None:
    def derived(f: Any) -> Any:
        return lambda t: coefficients(f, t, [jnp.ones_like(t)])[1]

    found = derived(derived(derived(lambda t: jnp.sin(t) * jnp.exp(t))))(jnp.asarray(0.3))
    expected = 2 * np.exp(0.3) * (np.cos(0.3) - np.sin(0.3))
    np.testing.assert_allclose(found, expected, rtol=1e-13)


@float64
def test_hessian_through_a_jet() -> None:
    def second(x: Any) -> Any:
        return coefficients(lambda y: jnp.sum(y**4), x, [jnp.ones(3), jnp.zeros(3)])[2]

    np.testing.assert_allclose(jax.hessian(second)(jnp.asarray(X)), 24 * np.eye(3), rtol=1e-12, atol=1e-12)


@float64
@every_program
def test_closure_over_the_tracers_of_other_transformations(program: Any) -> None:
    def outer(scale: Any, row: Any) -> Any:
        return coefficients(lambda y: program(W * scale, y * row), jnp.asarray(X), V)[2]

    rows = jnp.asarray(np.abs(V))
    found = jax.jit(jax.vmap(jax.grad(outer), (None, 0)))(1.2, rows)

    def expected(scale: Any, row: Any) -> Any:
        return reference(lambda y: program(W * scale, y * row), jnp.asarray(X), jnp.asarray(V))[2]

    check_close([found], [jax.jit(jax.vmap(jax.grad(expected), (None, 0)))(1.2, rows)])


@float64
def test_inside_control_flow() -> None:
    def third(x: Any) -> Any:
        return coefficients(jnp.sin, x, [jnp.ones_like(x)] * 3)[3]

    true = reference(jnp.sin, jnp.asarray(0.7), [jnp.ones(())] * 3)[3]
    np.testing.assert_allclose(lax.map(third, jnp.array([0.7, 0.7])), [true, true], rtol=1e-14)
    np.testing.assert_allclose(lax.scan(lambda c, x: (c + third(x), None), 0.0, jnp.full(2, 0.7))[0], 2 * true)
    np.testing.assert_allclose(lax.cond(True, third, lambda x: x, jnp.asarray(0.7)), true, rtol=1e-14)
    np.testing.assert_allclose(jax.checkpoint(third)(jnp.asarray(0.7)), true, rtol=1e-14)


@float64
def test_derivatives_compose_with_transformations() -> None:
    points = jnp.linspace(0.1, 0.9, 4)
    found = jax.jit(jax.vmap(osculate.derivative(lambda x: jnp.exp(2 * x), 4)))(points)
    np.testing.assert_allclose(found, 16 * np.exp(2 * points), rtol=1e-13)
    slope = jax.grad(osculate.derivative(lambda x: x**5, 3))(jnp.asarray(2.0))
    np.testing.assert_allclose(slope, 120 * 2.0, rtol=1e-13)
    nested = osculate.derivative(osculate.derivative(jnp.sin, 2), 3)(jnp.asarray(0.4))
    np.testing.assert_allclose(nested, np.cos(0.4), rtol=1e-13)


@pytest.mark.parametrize("program", [network, looped, chosen])
def test_float32_stays_float32(program: Any) -> None:
    x, w = X.astype(np.float32), W.astype(np.float32)
    directions = [jnp.asarray(v, jnp.float32) for v in V]
    found = coefficients(lambda y: program(jnp.asarray(w), y), jnp.asarray(x), directions)
    assert {order.dtype for order in found} == {jnp.dtype("float32")}
    with jax.enable_x64():
        exact = reference(lambda y: program(w.astype(float), y), jnp.asarray(x, float), [jnp.asarray(v) for v in V])
    check_close(found, exact, 1e-4)


@float64
def test_float32_inside_float64_mode() -> None:
    found = coefficients(jnp.tanh, jnp.float32(0.3), [jnp.float32(1.0)] * 3)
    assert {order.dtype for order in found} == {jnp.dtype("float32")}


@pytest.mark.parametrize("shape", [(0,), (0, 3), (2, 0, 1)])
@float64
def test_an_empty_point_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(WrongInput, match="empty"):
        coefficients(jnp.sum, jnp.zeros(shape), [jnp.ones(shape)])


@float64
def test_empty_arrays_inside() -> None:
    def function(y: Any) -> Any:
        return jnp.concatenate([y[:0] ** 2, jnp.exp(y), jnp.zeros(0)]) + jnp.sum(y[3:])

    check_close(coefficients(function, jnp.asarray(X), V), reference(function, jnp.asarray(X), jnp.asarray(V)), 1e-12)


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
@float64
def test_small_shapes(shape: tuple[int, ...]) -> None:
    x = jnp.full(shape, 0.3)
    directions = [jnp.full(shape, v) for v in (1.0, -0.5, 0.2)]
    for function in (lambda y: jnp.exp(y) * jnp.sin(y), lambda y: jnp.sum(y**3), lambda y: jnp.cumsum(y.ravel())):
        found = coefficients(function, x, directions)
        expected = reference(function, x, directions)
        assert [order.shape for order in found] == [order.shape for order in expected]
        check_close(found, expected, 1e-12)


@float64
def test_one_by_one_linear_algebra() -> None:
    def function(y: Any) -> Any:
        return jnp.linalg.cholesky(y) @ jnp.linalg.inv(y) + jnp.linalg.eigvalsh(y) * jnp.linalg.det(y)

    matrix, directions = jnp.full((1, 1), 2.0), [jnp.full((1, 1), v) for v in (1.0, 0.5, -0.3)]
    expected = reference(lambda y: y**-0.5 + y**2, matrix, directions)
    check_close(coefficients(function, matrix, directions), expected, 1e-12)


@float64
def test_several_arguments_and_pytrees() -> None:
    def function(p: Any, q: Any) -> Any:
        return {"product": p["a"] * q[0], "sum": (p["b"] + jnp.sum(q[1]),)}

    primals = ({"a": jnp.asarray(X), "b": jnp.asarray(0.2)}, (jnp.asarray(0.5), jnp.asarray(W)))
    series = jet_oracle.random_series(primals, ORDER)
    value, orders = osculate.jet(function, primals, series, scaling="derivative")
    check_close([value, *orders], jet_oracle.nested_derivatives(function, primals, series), 1e-12)


@float64
def test_order_one_is_jvp_and_order_zero_is_the_value() -> None:
    value, (first,) = osculate.jet(network, (W, X), ([V], [V[0]]), scaling="coefficient")
    expected = jax.jvp(network, (jnp.asarray(W), jnp.asarray(X)), (jnp.asarray(V), jnp.asarray(V[0])))
    np.testing.assert_allclose(value, expected[0], rtol=1e-15)
    np.testing.assert_allclose(first, expected[1], rtol=1e-13)


@float64
@every_program
def test_primal_is_the_function_itself(program: Any) -> None:
    def run(x: Any) -> Any:
        return coefficients(lambda y: program(jnp.asarray(W), y), x, V)[0]

    expected = jax.jit(lambda y: program(jnp.asarray(W), y))(jnp.asarray(X))
    np.testing.assert_allclose(jax.jit(run)(jnp.asarray(X)), expected, rtol=1e-14)


@float64
def test_numpy_and_python_numbers_are_accepted() -> None:
    value, orders = osculate.jet(jnp.sin, (0.3,), ([1.0, 0.0],), scaling="derivative")
    np.testing.assert_allclose([value, *orders], [np.sin(0.3), np.cos(0.3), -np.sin(0.3)], rtol=1e-14)
    value, orders = osculate.jet(np.sin, (X,), ([V[0], V[1]],), scaling="derivative")
    np.testing.assert_allclose(orders[1], np.cos(X) * V[1] - np.sin(X) * V[0] ** 2, rtol=1e-14)


def test_numpy_float64_outside_x64_is_computed_in_float64() -> None:
    value, orders = osculate.jet(np.exp, (X,), ([V[0], V[1]],), scaling="derivative")
    assert not jax.config.read("jax_enable_x64")
    assert value.dtype == orders[1].dtype == np.float64
    np.testing.assert_allclose(orders[1], np.exp(X) * (V[0] ** 2 + V[1]), rtol=1e-14)
