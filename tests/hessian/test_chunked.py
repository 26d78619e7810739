import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from osculate._errors import WrongInput
from osculate._hessian import hessian
from osculate._hessian.chunked import CACHE, SMALL, by_columns, columns_plan
from osculate._linear import linearise
from osculate._trace import trace


def smooth(x):
    return jnp.sum(jnp.sin(x)) * jnp.sum(x**2)


def program_of(linear, size):
    return trace(linear, jax.ShapeDtypeStruct((size,), jnp.float32), asked="osculate.hessian")[0]


@pytest.mark.parametrize("n", [1, 2, 7, 30])
@pytest.mark.parametrize("memory", [1, 700, 2000, 2**30, None])
def test_every_chunk_gives_the_same_matrix(n, memory):
    with jax.enable_x64(True):
        x = jnp.linspace(-1, 2, n)
        made = jax.jit(lambda x: by_columns(linearise(lambda x: (smooth(x), None), x), n, x.dtype, memory))
        np.testing.assert_allclose(made(x), jax.jit(jax.hessian(smooth))(x), rtol=1e-12, atol=1e-12)


def test_under_vmap_and_grad_in_chunks():
    def determinant(x):
        made = by_columns(linearise(lambda x: (smooth(x), None), x), 5, x.dtype, 1)
        return jnp.linalg.det(made)

    with jax.enable_x64(True):
        batch = jnp.arange(10.0).reshape(2, 5) / 7
        got = jax.jit(jax.vmap(jax.grad(determinant)))(batch)
        expected = jax.jit(jax.vmap(jax.grad(lambda x: jnp.linalg.det(jax.hessian(smooth)(x)))))(batch)
        np.testing.assert_allclose(got, expected, rtol=1e-9)


def test_nan_where_the_value_is_nan_in_chunks_too():
    def f(x):
        return jnp.sum(x**2) + jnp.log(x[0] - 10)

    made = jax.jit(lambda x: by_columns(linearise(lambda x: (f(x), None), x), 3, x.dtype, 1))
    assert np.isnan(made(jnp.ones(3))).all()


def test_chunks_are_sized_by_the_cache_by_what_is_stored_and_by_the_budget():
    n = 1000
    A = jnp.ones((3 * n, n), jnp.float32)

    def heavy(v):
        return A.T @ jnp.sin(A @ v)

    program = program_of(heavy, n)
    free = columns_plan(program, n, None)
    assert (free.chunk, free.loops) == (n, 1)
    assert free.stored == A.size * 4
    assert columns_plan(program, n, 2**40).bytes <= SMALL + A.size * 4
    tight = columns_plan(program, n, free.stored + 10 * free.column)
    assert 5 <= tight.chunk <= 10
    assert tight.bytes <= free.stored + 10 * free.column
    assert tight.chunk * tight.loops >= n
    assert columns_plan(program, n, 1).chunk == 1

    wide = program_of(lambda v: jnp.sum(jnp.outer(v, v), 1), 10 * n)
    assert columns_plan(wide, 10 * n, 2**40).chunk == max(1, CACHE // columns_plan(wide, 10 * n, 2**40).column)


@pytest.mark.parametrize("transform", [lambda f: f, jax.jit])
def test_a_budget_below_the_result_is_refused(transform):
    x = jnp.ones(50, jnp.float32)
    ours = transform(hessian(smooth, output="matrix", memory="9kB"))
    with pytest.raises(WrongInput, match=r"memory is 9,000 bytes.*50² = 2,500 numbers: 10,000 bytes"):
        ours(x)
    assert hessian(smooth, output="matrix", memory="10kB")(x).shape == (50, 50)


PROGRAM = """
import sys; sys.path.insert(0, sys.argv[1])
import jax, jax.numpy as jnp, osculate
from resident import growth
jax.config.update("jax_enable_x64", True)
A = jnp.asarray(jax.random.normal(jax.random.key(0), (300, 2000)))
f = lambda x: jnp.sum(jnp.tanh(A * x) ** 2)
x = jnp.linspace(-1, 1, 2000)
compiled = jax.jit(osculate.hessian(f, output="matrix", memory=sys.argv[2])).lower(x).compile()
x.block_until_ready()
print(growth(lambda: compiled(x).block_until_ready()))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the resident set is read from Linux's /proc")
@pytest.mark.parametrize("memory", [60, 200])
def test_the_process_grows_by_no_more_than_the_budget(memory):
    benchmarks = Path(__file__).parents[2] / "benchmarks"
    command = [sys.executable, "-c", PROGRAM, str(benchmarks), f"{memory}MB"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert 20 < float(done.stdout) <= 1.1 * memory
