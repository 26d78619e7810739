"""Programs with known solutions (Hock and Schittkowski, Test Examples for Nonlinear Programming Codes, 1981)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
import scipy.sparse

from osculate._errors import MissingExtra, Unreadable, WrongInput, WrongType
from osculate.optimize import NonlinearProgram, nlp


def hs71():
    return (
        nlp(
            lambda x: x[0] * x[3] * (x[0] + x[1] + x[2]) + x[2],
            [(lambda x: np.prod(x), 25, None), (lambda x: np.sum(x**2), 40, 40)],
            (1, 5),
        ),
        np.array([1.0, 5, 5, 1]),
        [1, 4.74299963, 3.82114998, 1.37940829],
    )


def hs6():
    return nlp(lambda x: (1 - x[0]) ** 2, (lambda x: 10 * (x[1] - x[0] ** 2), 0, 0)), np.array([-1.2, 1]), [1, 1]


def hs21():
    linear = scipy.optimize.LinearConstraint([[10.0, -1]], 10)
    bounds = scipy.optimize.Bounds([2, -50], [50, 50])
    return nlp(lambda x: 0.01 * x[0] ** 2 + x[1] ** 2 - 100, linear, bounds), np.array([2.0, -1]), [2, 0]


def hs28():
    plane = scipy.optimize.LinearConstraint(scipy.sparse.csr_array([[1.0, 2, 3]]), 1, 1)
    return nlp(lambda x: (x[0] + x[1]) ** 2 + (x[1] + x[2]) ** 2, [plane]), np.array([-4.0, 1, 1]), [0.5, -0.5, 0.5]


def hs39():
    curves = scipy.optimize.NonlinearConstraint(
        lambda x: np.stack([x[1] - x[0] ** 3 - x[2] ** 2, x[0] ** 2 - x[1] - x[3] ** 2]), 0, 0
    )
    return nlp(lambda x: -x[0], curves), np.full(4, 2.0), [1, 1, 0, 0]


def tree():
    """Tree in, tree out: the nearest point of a circle to (3, 4), and a ray that it must not pass."""

    def c(x):
        return {"circle": x["p"] @ x["p"], "free": x["q"][:1]}

    program = nlp(
        lambda x: jnp.sum((x["p"] - jnp.array([3.0, 4.0])) ** 2) + jnp.sum(x["q"] ** 2),
        (c, {"circle": 1, "free": None}, {"circle": 1, "free": np.inf}),
        ({"p": np.array([-9.0, -9]), "q": np.array([0.5, -1])}, np.inf),
    )
    return program, {"p": np.array([1.0, 0.2]), "q": np.ones(2)}, [0.6, 0.8, 0.5, 0]


PROBLEMS = [hs71, hs6, hs21, hs28, hs39, tree]


@pytest.mark.parametrize("problem", PROBLEMS)
def test_scipy_finds_the_known_solution(problem):
    program, start, known = problem()
    found = scipy.optimize.minimize(method="trust-constr", options={"gtol": 1e-9}, **program.to_scipy(start))
    np.testing.assert_allclose(found.x, known, atol=1e-3)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_ipopt_finds_the_known_solution(problem):
    pytest.importorskip("cyipopt")
    program, start, known = problem()
    ipopt = program.to_cyipopt(start)
    ipopt.add_option("print_level", 0)
    ipopt.add_option("sb", "yes")
    solution, info = ipopt.solve(ipopt.x0)
    assert info["status"] == 0
    np.testing.assert_allclose(solution, known, atol=1e-6)
    again = ipopt.unravel(solution)
    assert jax.tree.structure(again) == jax.tree.structure(start)
    assert [np.shape(a) for a in jax.tree.leaves(again)] == [np.shape(a) for a in jax.tree.leaves(start)]


def test_ipopt_without_constraints():
    pytest.importorskip("cyipopt")
    ipopt = nlp(lambda x: ((x - np.arange(3)) ** 4).sum() + x @ x).to_cyipopt(np.ones(3))
    ipopt.add_option("print_level", 0)
    solution, info = ipopt.solve(ipopt.x0)
    assert info["status"] == 0
    assert ipopt.derivatives.jacobian_pattern[0].size == 0
    np.testing.assert_allclose(4 * (solution - np.arange(3)) ** 3 + 2 * solution, 0, atol=1e-7)


def test_the_lagrangian_hessian_and_its_structure():
    n = 30
    random = np.random.default_rng(5)
    x, multipliers, factor = random.standard_normal(n), random.standard_normal(n - 2), 0.7

    def f(x):
        return jnp.sum(jnp.sin(x[1:] * x[:-1])) + x[0] ** 4

    def c(x):
        return x[2:] * x[1:-1] + jnp.exp(x[:-2])

    program = nlp(f, (c, 0, 0))
    arguments = program.to_scipy(x)
    objective, constraint = arguments["hess"](x), arguments["constraints"].hess(x, multipliers)
    with jax.enable_x64(True):
        right = np.asarray(jax.hessian(lambda x: factor * f(x) + multipliers @ c(x))(x))
        slope = np.asarray(jax.jacobian(c)(x))
    np.testing.assert_allclose((factor * objective + constraint).toarray(), right, atol=1e-13)
    np.testing.assert_allclose(arguments["constraints"].jac(x).toarray(), slope, atol=1e-13)
    assert arguments["constraints"].jac(x).nnz == 3 * (n - 2)
    assert objective.nnz == n + 2 * (n - 1)  # a band: diagonal and one beside it, without any entry more


def test_callbacks_of_ipopt():
    pytest.importorskip("cyipopt")
    from osculate.optimize.ipopt import Callbacks

    program, start, _ = hs71()
    callbacks = Callbacks(program.to_cyipopt(start).derivatives)
    x, multipliers = np.array([1.5, 2, 3, 4]), np.array([0.3, -2])
    rows, columns = callbacks.hessianstructure()
    assert (rows >= columns).all()
    lower = np.zeros((4, 4))
    lower[rows, columns] = callbacks.hessian(x, multipliers, 0.5)

    def lagrangian(x):
        f = x[0] * x[3] * (x[0] + x[1] + x[2]) + x[2]
        return 0.5 * f + 0.3 * jnp.prod(x) - 2 * jnp.sum(x**2)

    with jax.enable_x64(True):
        np.testing.assert_allclose(lower, np.tril(jax.hessian(lagrangian)(x)), atol=1e-12)
    assert callbacks.objective(x) == pytest.approx(1.5 * 4 * 6.5 + 3)
    np.testing.assert_allclose(callbacks.constraints(x), [36, 31.25])
    np.testing.assert_allclose(callbacks.gradient(x), [32, 6, 7, 9.75])
    dense = np.zeros((2, 4))
    dense[callbacks.jacobianstructure()] = callbacks.jacobian(x)
    np.testing.assert_allclose(dense, [36 / x, 2 * x])


def test_what_is_asked_at_one_point_is_computed_once():
    pytest.importorskip("cyipopt")
    program, start, _ = hs71()
    here = program.to_cyipopt(start).derivatives
    x = start + 0.5
    here.value(x), here.constraints(x), here.gradient(x), here.jacobian(x), here.value(x.copy())
    assert here.calls == {"values": 1, "slopes": 1}
    moved = x.copy()
    before = here.value(x)
    x += 1  # a solver may use its array again
    assert here.value(x) != before
    assert here.value(moved) == before
    assert here.seconds > 0


def test_a_chain_of_ten_thousand_unknowns():
    """Hanging chain as a quadratic program: neighbours pulled together, ends held; the solution is a straight line."""
    pytest.importorskip("cyipopt")
    n = 10_000
    program = nlp(lambda x: n * jnp.sum((x[1:] - x[:-1]) ** 2), [(lambda x: x[0], 0, 0), (lambda x: x[-1], 1, 1)])
    ipopt = program.to_cyipopt(np.zeros(n))
    ipopt.add_option("print_level", 0)
    solution, info = ipopt.solve(ipopt.x0)
    assert info["status"] == 0
    assert len(ipopt.derivatives.hessian_pattern[0]) == 2 * n - 1
    np.testing.assert_allclose(solution, np.linspace(0, 1, n), atol=1e-6)


def test_what_is_given_up_is_computed_whole(monkeypatch):
    monkeypatch.setattr("osculate._structure.sweep.MOST_TERMS", 1)
    program, start, known = hs71()
    found = scipy.optimize.minimize(method="trust-constr", options={"gtol": 1e-9}, **program.to_scipy(start))
    np.testing.assert_allclose(found.x, known, atol=2e-4)
    monkeypatch.setattr("osculate.optimize.derivatives.LARGEST_FULL", 3)
    with pytest.raises(Unreadable, match=r"structure of the .* is too large"):
        program.to_scipy(start)


def test_integers_and_single_precision_are_computed_in_double():
    program = nlp(lambda x: jnp.sum((x - 1 / 3) ** 2))
    for start in (np.array([1, 2]), jnp.ones(2, jnp.float32)):
        x = scipy.optimize.minimize(method="trust-constr", options={"gtol": 1e-12}, **program.to_scipy(start)).x
        np.testing.assert_allclose(x, 1 / 3, rtol=1e-10)


def square(x):
    return (x**2).sum()


@pytest.mark.parametrize(
    ("arguments", "start", "kind", "message"),
    [
        ((3,), np.ones(2), WrongType, "the objective is int"),
        ((square, 4), np.ones(2), WrongType, "constraints are int"),
        ((square, [(square, 1)]), np.ones(2), WrongType, "constraint 0 is tuple"),
        ((square, (), [(0, 1), (0, 1)]), np.ones(2), WrongType, "bounds are list, not a pair"),
        ((lambda x: x,), np.ones(2), WrongInput, "must return one real number"),
        ((square, (), (2, [3, 1])), np.ones(2), WrongInput, r"limits of the unknowns, entry 1: 2 ≤ … ≤ 1"),
        ((square, (square, 2, 1)), np.ones(2), WrongInput, r"limits of constraint 0, entry 0: 2 ≤ … ≤ 1"),
        ((square, (square, np.nan, 1)), np.ones(2), WrongInput, "lower limit of constraint 0 is NaN"),
        ((square, (lambda x: x, np.zeros(3), 1)), np.ones(2), WrongInput, "lower limit of constraint 0 has shape"),
        ((square, (), (np.zeros(3), 1)), np.ones(2), WrongInput, "the lower limit of the unknowns has shape"),
        ((lambda x: np.log(x[0]),), -np.ones(2), WrongInput, "objective is NaN at the start"),
        ((square, (lambda x: np.log(x), 0, 1)), np.array([1.0, -1]), WrongInput, "constraint 0 is NaN .* entry 1"),
        ((square,), np.array([1.0, np.nan]), WrongInput, "contains NaN"),
        ((square,), np.array([1j, 2]), WrongType, "complex"),
        ((square, (lambda x: x * 1j, 0, 1)), np.ones(2), WrongType, "constraint 0 returns complex"),
        ((square, scipy.optimize.LinearConstraint(np.ones((1, 3)))), np.ones(2), WrongInput, "matrix of 1 × 3, but"),
    ],
)
def test_bad_input_is_refused(arguments, start, kind, message):
    with pytest.raises(kind, match=message) as caught:
        nlp(*arguments).to_scipy(start)
    assert "now:" in str(caught.value)


def test_an_asymmetric_rule_is_found():
    @jax.custom_jvp
    def odd(x):
        return x[0] * x[1]

    odd.defjvp(lambda p, t: (odd(*p), 3 * p[0][1] * t[0][0] + p[0][0] * t[0][1]))
    with pytest.raises(Unreadable, match="failed its check"):
        nlp(odd).to_scipy(np.array([0.3, 0.7]))


def test_without_cyipopt_the_extra_is_named(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "cyipopt", None)
    monkeypatch.delitem(sys.modules, "osculate.optimize.ipopt", raising=False)
    with pytest.raises(MissingExtra, match=r"osculate\[ipopt\]"):
        nlp(square).to_cyipopt(np.ones(2))


def test_a_program_is_a_frozen_value():
    program = nlp(square, (square, 0, 1))
    assert isinstance(program, NonlinearProgram)
    with pytest.raises(AttributeError):
        program.f = square
    assert len(program.constraints) == 1
