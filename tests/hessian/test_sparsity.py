"""The sparsity pattern of a Hessian, against patterns written down by hand."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from osculate._errors import Unreadable, WrongInput
from osculate._hessian.sparsity import sparsity
from osculate._structure import reach, sweep


def pattern(f, x):
    return sparsity(f)(x).to_scipy().toarray()


def test_arrow():
    expected = np.eye(7, dtype=bool)
    expected[0] = expected[:, 0] = True
    np.testing.assert_array_equal(pattern(lambda x: jnp.sum(x**3 * x[0]), np.ones(7)), expected)


def test_grid_of_five_points():
    def f(x):
        u = x.reshape(4, 5)
        return jnp.sum((u[1:] - u[:-1]) ** 2) + jnp.sum((u[:, 1:] - u[:, :-1]) ** 4)

    expected = np.eye(20, dtype=bool)
    for i in range(4):
        for j in range(5):
            for other in ((i + 1, j), (i, j + 1)):
                if other[0] < 4 and other[1] < 5:
                    a, b = 5 * i + j, 5 * other[0] + other[1]
                    expected[a, b] = expected[b, a] = True
    np.testing.assert_array_equal(pattern(f, np.ones(20)), expected)


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=1, max_size=12))
def test_random_pairs(pairs):
    i, j = np.array(pairs).T
    expected = np.zeros((9, 9), bool)
    expected[i, j] = expected[j, i] = True
    np.testing.assert_array_equal(pattern(lambda x: jnp.sum(x[i] * x[j]), np.ones(9)), expected)


def test_linear_and_constant_parts_have_no_entry():
    found = sparsity(lambda x: 3 * x.sum() + 2.0)(np.ones(5))
    assert (found.nnz, found.shape) == (0, (5, 5))


def test_a_chain_of_many_variables_needs_no_square_of_memory():
    n = 200_000
    found = sparsity(lambda x: jnp.sum((x[1:] - x[:-1] ** 2) ** 2))(np.zeros(n))
    assert found.nnz == 3 * n - 2
    assert (np.abs(found.rows - found.cols) <= 1).all()


def test_picture_names_what_is_dense():
    found = sparsity(lambda x: jnp.sum(jnp.sort(x) ** 2) + x[0] ** 2)(np.arange(3.0))
    assert str(found).startswith("3 × 3, 9 entries (100.00%)\n┌──┐\n│█▌│\n│▀▘│\n└──┘\nread as dense: sort (")
    assert __file__ in str(found)


def test_large_pictures_are_small():
    lines = str(sparsity(lambda x: jnp.sum(x**2))(np.ones(1000))).splitlines()
    assert len(lines) == 19
    assert max(map(len, lines[1:])) == 34
    assert lines[2][1] != " "
    assert lines[2][-2] == " "


def test_bad_input(monkeypatch):
    with pytest.raises(WrongInput, match="must return one real number"):
        sparsity(lambda x: x)(np.ones(3))
    monkeypatch.setattr(sweep, "MOST_TERMS", 0)
    assert sparsity(lambda x: jnp.sum(x**2))(np.ones(3)).nnz == 3
    monkeypatch.setattr(reach, "MOST_WORK", 0)
    with pytest.raises(Unreadable, match="too large to be read"):
        sparsity(lambda x: jnp.sum(x**2))(np.ones(3))
