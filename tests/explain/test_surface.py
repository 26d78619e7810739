"""Functions of several variables against the lecture's own results and NumPy."""

from dataclasses import replace
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from osculate._errors import WrongInput
from osculate._explain import explain


def surface(what, **options) -> Any:
    return explain(what, **options).data


@pytest.fixture(scope="module")
def bowl():
    return surface("x^2 + y^2 + x y")


def test_the_lecture(bowl):
    np.testing.assert_array_equal(bowl.hessian, [[2, 1], [1, 2]])
    np.testing.assert_allclose(bowl.eigenvalues, [1, 3], rtol=1e-15)
    assert (bowl.kind, bowl.index, bowl.definiteness) == ("minimum", 0, "positive definite")
    pass_ = surface("x^2 - y^2")
    assert (pass_.kind, pass_.index, pass_.definiteness) == ("saddle", 1, "indefinite")


def test_the_line_of_least_squares():
    X, y = np.array([[1.0, 1.0], [1.0, 2.0], [1.0, 3.0]]), np.array([1.0, 2.0, 3.0])

    def loss(w):
        return np.mean((X @ w - y) ** 2) / 2

    data = surface(loss, at=[0.0, 1.0])
    np.testing.assert_allclose(data.hessian, X.T @ X / 3, rtol=1e-15)
    assert data.kind == "minimum"
    assert data.names == ("w[0]", "w[1]")


def test_a_regular_point_has_its_graph_bend_by_the_formulas():
    data = surface("sin(x) cos(y)", at=(1.0, 0.5))
    s, c, t, d = np.sin(1.0), np.cos(1.0), np.sin(0.5), np.cos(0.5)
    gradient, hessian = np.array([c * d, -s * t]), np.array([[-s * d, -c * t], [-c * t, -s * d]])
    np.testing.assert_allclose(data.gradient, gradient, rtol=1e-14)
    np.testing.assert_allclose(data.hessian, hessian, rtol=1e-14)
    size = 1 + gradient @ gradient
    shape = np.linalg.solve(np.eye(2) + np.outer(gradient, gradient), hessian) / np.sqrt(size)
    np.testing.assert_allclose(np.sort(data.principal), np.sort(np.linalg.eigvals(shape)), rtol=1e-13)
    assert data.mean == pytest.approx(np.trace(shape) / 2, rel=1e-13)
    assert data.gaussian == pytest.approx(np.linalg.det(hessian) / size**2, rel=1e-13)
    assert data.kind == "regular"


@pytest.mark.parametrize(
    ("eigenvalues", "word"),
    [
        ([1.0, 3.0], "positive definite"),
        ([-3.0, -1.0], "negative definite"),
        ([1e-17, 3.0], "positive semidefinite"),
        ([-3.0, -1e-17], "negative semidefinite"),
        ([-1e-17, 0.0], "zero"),
        ([-1.0, 1.0], "indefinite"),
    ],
)
def test_definiteness(bowl, eigenvalues, word):
    assert replace(bowl, eigenvalues=np.array(eigenvalues)).definiteness == word


def test_a_point_is_chosen_where_none_is_given():
    data = surface("log(x) + y")
    np.testing.assert_array_equal(data.at, [1.0, 1.0])
    assert "so it is looked at from [1.0, 1.0]" in " ".join(data.notes)
    with pytest.raises(WrongInput, match="f is not finite at x = 0, y = 0"):
        surface("log(-1 - x^2 - y^2)")
    with pytest.raises(WrongInput, match="f is not finite at x = -1, y = 0"):
        surface("log(x) + y", at=(-1, 0))
    with pytest.raises(WrongInput, match="the gradient is not finite at x = 0, y = 0"):
        surface("sqrt(x) + y", at=(0, 0))


def test_the_grid_is_the_function():
    data = surface(lambda x, y: x**2 * jnp.sin(y), at=(1.0, 2.0), on=((0, 2), (1, 4)))
    x, y, z = data.grid
    assert (x[0], x[-1], y[0], y[-1]) == (0, 2, 1, 4)
    np.testing.assert_allclose(z, x[None, :] ** 2 * np.sin(y)[:, None], rtol=1e-14)


def test_many_variables_have_no_grid():
    data = surface(lambda w: np.sum(w**2), at=np.zeros(30))
    assert data.grid is None
    assert data.kind == "minimum"
    assert data.eigenvalues.shape == (30,)


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("abs(x) + abs(y)", "the first derivative is not continuous at the point along x"),
        ("x + floor(y)", "the function itself is not continuous at the point along y"),
        ("y + x abs(x)", "the second derivative is not continuous at the point along x"),
        ("abs(x y)", "the second derivative is not continuous at the point along an oblique line"),
    ],
)
def test_corners_are_no_regular_points(text, note):
    data = surface(text, at=(0, 0))
    assert data.kind == "irregular"
    assert any(note in said for said in data.notes)
