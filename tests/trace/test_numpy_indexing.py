"""Indexing through the door, against NumPy: static indices of every kind, in range and out of it."""

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as arrays

from osculate._trace.numpy_door import numpy_door

SHAPE = (3, 4, 2)


@settings(deadline=None, max_examples=20)
@given(arrays.basic_indices(SHAPE, allow_newaxis=True))
def test_basic_indices_are_those_of_numpy(index):
    x = np.arange(24.0).reshape(SHAPE)
    with jax.enable_x64(True):
        result = numpy_door(lambda x: x[index])(jnp.asarray(x))
    assert result.shape == np.shape(x[index])
    np.testing.assert_array_equal(result, x[index])


@settings(deadline=None, max_examples=20)
@given(
    st.one_of(
        arrays.integer_array_indices(SHAPE, result_shape=arrays.array_shapes(max_dims=2, max_side=4)),
        arrays.arrays(bool, SHAPE),
        arrays.arrays(bool, SHAPE[:1]),
        st.lists(st.integers(-4, 3), max_size=4),
        st.tuples(st.just(slice(None)), st.lists(st.integers(-4, 3), max_size=4), st.integers(-2, 2)),
    )
)
def test_fancy_indices_are_those_of_numpy(index):
    x = np.arange(24.0).reshape(SHAPE)
    with jax.enable_x64(True):
        try:
            expected = x[index]
        except IndexError:
            with pytest.raises(IndexError):
                numpy_door(lambda x: x[index])(jnp.asarray(x))
            return
        result = numpy_door(lambda x: x[index])(jnp.asarray(x))
    assert result.shape == expected.shape
    np.testing.assert_array_equal(result, expected)
