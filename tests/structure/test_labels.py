"""Index notation, against the indices written out."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from osculate._structure.labels import Axis, Label, apart, fresh, joint, mapped, over, relabelled, restricted, union

K, J = Label(3), Label(4)


def test_affine_axes_have_no_table():
    axis = mapped((K, J), 5 + np.arange(12).reshape(3, 4))
    assert (axis.table, axis.offset, axis.labels) == (None, 5, (K, J))
    np.testing.assert_array_equal(axis.indices(), 5 + np.arange(12).reshape(3, 4))


def test_labels_without_influence_are_left_out():
    axis = mapped((K, J), np.broadcast_to(np.array([2, 0, 5])[:, None], (3, 4)))
    assert axis.labels == (K,)
    np.testing.assert_array_equal(over(axis, (J, K)), [[2, 0, 5]])
    assert (mapped((K,), np.full(3, 7)).labels, mapped((K,), np.full(3, 7)).offset) == ((), 7)


@given(st.lists(st.integers(0, 19), min_size=3, max_size=3), st.integers(1, 5))
def test_numbers_and_axes_are_inverse(numbers, columns):
    shape = (20 // columns + 1, columns)
    axes = apart((K,), np.array(numbers), shape)
    np.testing.assert_array_equal(joint(axes, shape, (K,)), numbers)


def test_restriction_reads_the_old_index_at_the_new_label():
    new = Label(2)
    places = {K: np.array([2, 0])}
    np.testing.assert_array_equal(restricted(Axis((K,), 4), places, (new,)).indices(), [6, 4])
    both = restricted(Axis((K, J)), places, (new,))
    np.testing.assert_array_equal(over(both, (new, J)), np.arange(12).reshape(3, 4)[[2, 0]])
    same = Axis((J,))
    assert restricted(same, places, (new,)) is same


def test_cut_label_counts_as_before():
    parts = (Label(2), Label(2))
    axis = relabelled(Axis((K, J)), J, parts)
    np.testing.assert_array_equal(axis.indices().reshape(-1), np.arange(12))
    assert union((axis,)) == (K, *parts)


def test_axes_of_length_one_carry_no_label():
    axes = fresh((1, 5, 1))
    assert [axis.span for axis in axes] == [1, 5, 1]
    assert len(union(axes)) == 1
    assert axes[1].covers(5)
    assert not axes[1].covers(6)
