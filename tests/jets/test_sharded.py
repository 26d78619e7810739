"""Jets of arrays that live on several devices."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

PROGRAM = """
    import jax, jax.numpy as jnp, numpy as np
    from jax.sharding import Mesh, NamedSharding, PartitionSpec
    import osculate

    jax.config.update("jax_enable_x64", True)
    mesh = Mesh(np.array(jax.devices()), ("rows",))
    points = jnp.linspace(-1.0, 1.0, 64).reshape(16, 4)
    sharded = jax.device_put(points, NamedSharding(mesh, PartitionSpec("rows")))
    weights = jnp.asarray(np.random.default_rng(0).normal(size=(4, 4)))
    f = lambda x: jnp.sum(jnp.tanh(x @ weights), axis=1)

    for order in (3, 12):
        series = ([jnp.ones_like(points)] + [None] * (order - 1),)
        push = jax.jit(lambda x, s: osculate.jet(f, (x,), (s,), scaling="coefficient"))
        here, there = push(points, series[0]), push(sharded, series[0])
        assert len(there[0].sharding.device_set) == 4, there[0].sharding
        for mine, true in zip(jax.tree.leaves(there), jax.tree.leaves(here), strict=True):
            np.testing.assert_allclose(mine, true, rtol=1e-12, atol=1e-15)

    spread = jax.jit(osculate.laplacian(f))(sharded)
    np.testing.assert_allclose(spread, jax.jit(osculate.laplacian(f))(points), rtol=1e-12)
    print("agreed on", len(jax.devices()), "devices")
"""


@pytest.mark.slow
def test_four_devices_agree_with_one() -> None:
    environment = {"XLA_FLAGS": "--xla_force_host_platform_device_count=4", "JAX_PLATFORMS": "cpu"}
    found = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM)], env=environment, capture_output=True, text=True, timeout=300
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout == "agreed on 4 devices\n"
