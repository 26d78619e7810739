"""Outer products among the terms of a structure."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from osculate._structure import outer, read
from osculate._trace import trace

WIDE = np.random.default_rng(0).standard_normal((3, 50))

FUNCTIONS = {
    "a sum": (lambda x: x.sum() ** 2, [1]),
    "two factors": (lambda x: jnp.sin(x).sum() * jnp.cos(x).sum(), [1]),
    "an inner sum": (lambda x: ((jnp.asarray(WIDE, x.dtype) @ x) ** 4).sum(), [3]),
    "none": (lambda x: (x[1:] * x[:-1]).sum(), []),
    "a block that is small": (lambda x: x[:5].sum() ** 2, []),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_outer_products_add_up_to_the_terms_they_are(name):
    f, ranks = FUNCTIONS[name]
    x = jnp.linspace(-1, 1, 50)
    program, _ = trace(f, x, asked="osculate.hessian")
    structure = read(program)
    found = [o for term in structure.terms if (o := outer(structure, term)) is not None]
    assert [o.rank for o in found] == ranks
    total = np.zeros((50, 50))
    for o in found:
        first, second = structure.compute([o.first, o.second], program, [x])
        block = np.zeros((50, 50))
        block[np.ix_(o.rows, o.columns)] = np.asarray(first) @ np.asarray(second).T
        total += block if o.symmetric else block + block.T
    if ranks:
        rest = np.asarray(jax.hessian(f)(x)) - total
        np.testing.assert_allclose(rest - np.diag(np.diag(rest)), 0, atol=1e-5 * np.abs(total).max())
