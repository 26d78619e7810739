"""What the tests of the trace share."""

import jax
import jax.numpy as jnp
import pytest


@pytest.fixture(scope="session")
def quickly():
    """Compile and run once, without the optimisations that would take longer than they save."""

    def run(f, *arguments):
        arrays = [jnp.asarray(one) for one in arguments]
        return jax.jit(f).lower(*arrays).compile(compiler_options={"xla_backend_optimization_level": "0"})(*arrays)

    return run
