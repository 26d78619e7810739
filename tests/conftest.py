"""What holds for every test: the CPU, reproducible examples in CI, and nobody's precision changed."""

import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # workers side by side would otherwise fight for the cores

import hypothesis
import jax
import pytest

# JAX compiles inside a test, so no example has a deadline.
hypothesis.settings.register_profile("local", deadline=None, max_examples=25)
hypothesis.settings.register_profile(
    "ci", deadline=None, max_examples=25, derandomize=True, database=None, print_blob=True
)
hypothesis.settings.register_profile(
    "brief", deadline=None, max_examples=5, derandomize=True, database=None, print_blob=True
)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.fixture(autouse=True)
def precision_is_left_alone():
    """JAX's precision is the user's: no call and no test may leave it changed."""
    before = jax.config.jax_enable_x64
    yield
    after = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", before)
    assert after == before, f"the test left jax_enable_x64 at {after}; it was {before}"
