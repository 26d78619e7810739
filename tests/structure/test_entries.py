"""Where values are added up, against ``numpy.add.at``."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from osculate._structure import entries, read
from osculate._structure.diagonals import diagonals
from osculate._structure.entries import Strided, interleaved
from osculate._structure.meeting import FEW, meeting
from osculate._trace import trace


@given(st.lists(st.integers(0, 12), max_size=120), st.randoms())
def test_values_that_meet(keys, random):
    keys = np.array(keys, np.int64)
    places = np.arange(len(keys))
    random.shuffle(places)
    values = np.arange(1.0, len(keys) + 1)
    unique, found = meeting(keys, places)
    expected = np.zeros(13)
    np.add.at(expected, keys, values[places])
    np.testing.assert_array_equal(unique, np.unique(keys))
    np.testing.assert_allclose(found.added(jnp.asarray(values)), expected[unique])


@pytest.mark.parametrize("most", [FEW, FEW + 1, 1000])
def test_a_crowd_takes_no_more_memory_than_its_values(most):
    keys = np.concatenate([np.zeros(most, np.int64), np.arange(1, 5000)])
    _, found = meeting(keys, np.arange(len(keys)))
    assert found.table.size <= FEW * 5000
    assert sum(places.size for _, places in found.crowds) + len(found.rest[0]) <= len(keys)


def test_interleaving():
    placed = interleaved(
        [jnp.arange(1.0, 4.0), jnp.arange(10.0, 13.0), jnp.ones(7)],
        [Strided(0, 0, 3), Strided(1, 1, 3), Strided(0, 4, 1), Strided(2, 0, 1)],
        7 + 1,
    )
    expected = np.zeros(8)
    expected[[0, 3, 6]] += [1, 2, 3]
    expected[[1, 4, 7]] += [10, 11, 12]
    expected[4:7] += [1, 2, 3]
    expected[:7] += 1
    np.testing.assert_allclose(placed, expected)


def structure(f, n):
    return read(trace(f, np.ones(n, "float32"), asked="test")[0])


def test_bands_are_counted_as_they_are_sorted():
    f = lambda x: jnp.sum(x[2:] ** 2 * x[:-2]) + jnp.sum(x[1:4] * x[3:6]) + x[0] ** 3  # noqa: E731
    found = structure(f, 9)
    assert diagonals(found, found.terms) is not None
    keys = set()
    for i in range(7):
        keys |= {(i, i + 2), (i + 2, i), (i + 2, i + 2)}
    keys |= {(0, 0)} | {(i, i + 2) for i in range(1, 4)} | {(i + 2, i) for i in range(1, 4)}
    band = entries(found)
    assert list(zip(band.rows.tolist(), band.columns.tolist(), strict=True)) == sorted(keys)
    lower = entries(found, triangle=True)
    assert list(zip(lower.rows.tolist(), lower.columns.tolist(), strict=True)) == sorted(
        k for k in keys if k[0] >= k[1]
    )


def test_arrow_is_no_band():
    found = structure(lambda x: jnp.sum(x**2 * x[0]), 2000)
    assert diagonals(found, found.terms) is None
    assert entries(found).count == 3 * 2000 - 2
