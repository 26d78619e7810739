"""The jets of programs of all sorts, at order 5, against nested ``jax.jvp``."""

from __future__ import annotations

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import jet_oracle
import numpy as np
import programs_arrays
import programs_control
import programs_elementwise
import programs_linalg
import pytest

import osculate
from osculate._errors import OsculateError

ORDER = 5
PROGRAMS = {
    **programs_elementwise.PROGRAMS,
    **programs_arrays.PROGRAMS,
    **programs_linalg.PROGRAMS,
    **programs_control.PROGRAMS,
}
# Programs that raise an error of ours, for now. Each must still raise: a program that begins to work leaves the list.
REFUSED: frozenset[str] = frozenset()


@pytest.fixture(autouse=True)
def _float64() -> Iterator[None]:
    with jax.enable_x64():
        yield


def test_there_are_enough_programs() -> None:
    tables = (programs_elementwise, programs_arrays, programs_linalg, programs_control)
    assert len(PROGRAMS) == sum(len(table.PROGRAMS) for table in tables) >= 90
    assert set(PROGRAMS) >= REFUSED


@pytest.mark.parametrize("name", PROGRAMS)
def test_program_agrees_with_nested_jvp(name: str) -> None:
    program = PROGRAMS[name]
    primals, series = jet_oracle.point_and_series(program, ORDER)
    if name in REFUSED:
        with pytest.raises(OsculateError):
            osculate.jet(program.function, primals, series, scaling="derivative")
        return
    value, orders = osculate.jet(program.function, primals, series, scaling="derivative")
    structure = jax.tree.structure(jax.eval_shape(program.function, *primals))
    assert [jax.tree.structure(order) for order in [value, *orders]] == [structure] * (ORDER + 1)
    expected = jet_oracle.stored_leaves(name)
    assert len(expected) == structure.num_leaves > 0
    for i, true in enumerate(expected):
        for k, order in enumerate([value, *orders]):
            jet_oracle.assert_close_to_scale(jax.tree.leaves(order)[i], true[k], program.rtol, f"order {k}, output {i}")


@pytest.mark.slow
@pytest.mark.parametrize("name", list(PROGRAMS)[::9])
def test_stored_references_are_what_nested_jvp_says(name: str) -> None:
    found = jet_oracle.reference_leaves(PROGRAMS[name], ORDER)
    for mine, stored in zip(found, jet_oracle.stored_leaves(name), strict=True):
        for k in range(ORDER + 1):
            jet_oracle.assert_close_to_scale(mine[k], stored[k], 1e-9, f"order {k}")


@pytest.mark.parametrize("name", ["exp_of_sine", "softmax", "attention", "scan_with_inputs", "cholesky"])
def test_coefficients_are_derivatives_over_factorials(name: str) -> None:
    program = PROGRAMS[name]
    primals = jax.tree.map(jnp.asarray, program.primals)
    series = jet_oracle.random_series(primals, ORDER)
    factorials = np.cumprod(np.arange(1, ORDER + 1))
    scaled = tuple([v / n for v, n in zip(orders, factorials, strict=True)] for orders in series)
    _, derivatives = osculate.jet(program.function, primals, series, scaling="derivative")
    _, coefficients = osculate.jet(program.function, primals, scaled, scaling="coefficient")
    for k, n in enumerate(factorials):
        for c, d in zip(jax.tree.leaves(coefficients[k]), jax.tree.leaves(derivatives[k]), strict=True):
            np.testing.assert_allclose(c * n, d, rtol=1e-12, atol=1e-12)
