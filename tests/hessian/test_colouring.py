import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from osculate._hessian.colouring import dense_rows, recovery, star_colouring


def symmetric(size, pairs):
    """All entries of the symmetric pattern with these pairs and a full diagonal."""
    dense = np.eye(size, dtype=bool)
    for i, j in pairs:
        dense[i, j] = dense[j, i] = True
    return np.nonzero(dense)


def assert_recovers(rows, columns, size, most=None):
    """Every entry of a random symmetric matrix on the pattern comes back from its products, whatever its value is."""
    colouring = star_colouring(rows, columns, size)
    rng = np.random.default_rng(0)
    values = {}
    for i, j in zip(rows.tolist(), columns.tolist(), strict=True):
        values[i, j] = values.get((j, i), rng.normal())
    wanted = np.array([values[i, j] for i, j in zip(rows.tolist(), columns.tolist(), strict=True)])
    products = np.zeros((colouring.count, size))
    np.add.at(products, (colouring.colours[columns], rows), wanted)
    np.testing.assert_array_equal(products.reshape(-1)[colouring.source], wanted)
    assert sorted(set(colouring.colours.tolist())) == list(range(colouring.count))
    if most is not None:
        assert colouring.count <= most
    return colouring


def edges(size):
    return st.lists(st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)), max_size=3 * size)


@given(st.integers(1, 40).flatmap(lambda n: st.tuples(st.just(n), edges(n))))
def test_every_entry_of_a_random_pattern_is_recovered(case):
    size, pairs = case
    assert_recovers(*symmetric(size, pairs), size, most=size)


@given(st.integers(1, 30).flatmap(lambda n: st.tuples(st.just(n), edges(n))))
def test_patterns_without_a_diagonal_too(case):
    size, pairs = case
    rows, columns = symmetric(size, pairs)
    kept = rows != columns
    assert_recovers(rows[kept], columns[kept], size)


def chain(n):
    return [(i, i + 1) for i in range(n - 1)]


def grid(k):
    return [(i * k + j, i * k + j + 1) for i in range(k) for j in range(k - 1)] + [
        (i * k + j, i * k + j + k) for i in range(k - 1) for j in range(k)
    ]


@pytest.mark.parametrize(
    ("size", "pairs", "most"),
    [
        (1, [], 1),
        (200, [], 1),
        (200, chain(200), 3),
        (200, [(0, i) for i in range(200)], 2),
        (200, [(199, i) for i in range(200)], 2),
        (200, chain(200) + [(k, i) for k in (3, 77) for i in range(200)], 5),
        (144, grid(12), 5),
        (120, [(i, j) for i in range(120) for j in range(i, min(120, i + 4))], 7),
        (120, [(10 * b + i, 10 * b + j) for b in range(12) for i in range(10) for j in range(10)], 10),
        (60, [(i, j) for i in range(60) for j in range(60)], 60),
    ],
)
def test_known_patterns_take_few_colours(size, pairs, most):
    assert_recovers(*symmetric(size, pairs), size, most)


def test_an_empty_pattern_needs_one_product():
    colouring = star_colouring(np.zeros(0, int), np.zeros(0, int), 5)
    assert colouring.count == 1
    assert colouring.source.shape == (0,)


def test_a_path_of_four_in_two_colours_is_noticed():
    rows, columns = symmetric(4, chain(4))
    assert recovery(rows, columns, np.array([0, 1, 0, 1])) is None
    assert recovery(rows, columns, np.array([0, 1, 0, 2])) is not None


def test_dense_rows_are_found_only_where_they_stand_out():
    assert dense_rows(np.array([3, 99, 3, 3, 99] + [3] * 95)).tolist() == [1, 4]
    assert dense_rows(np.full(100, 4)).tolist() == []


def test_large_patterns_take_little_time():
    n = 100_000
    one = np.arange(n - 1)
    rows, columns = np.concatenate([one, one + 1, np.arange(n)]), np.concatenate([one + 1, one, np.arange(n)])
    colouring = star_colouring(rows, columns, n)
    assert colouring.count == 3
    keys = colouring.colours[columns] * n + rows
    counts = np.bincount(keys, minlength=3 * n)
    assert (counts[colouring.source] == 1).all()
