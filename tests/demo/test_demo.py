"""The demo in miniature: its Lanczos against a dense Hessian, its training against a plain loop, Ctrl-C."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from osculate._demo import analyse, train
from osculate._demo.digits import digits
from osculate._demo.network import initial_parameters, mean_square_loss, outputs
from osculate._demo.training import compile_segment, descend, lanczos_top

pytest.importorskip("sklearn")


def small():
    generator = np.random.default_rng(0)
    return generator.normal(size=(20, 4)), generator.normal(size=(20, 2)), initial_parameters((4, 3, 2))


def test_digits_are_centred_and_one_hot():
    inputs, targets = digits()
    assert inputs.shape == (1797, 64)
    assert targets.shape == (1797, 10)
    np.testing.assert_allclose(inputs.mean(axis=0), 0, atol=1e-14)
    assert (targets.sum(axis=1) == 1).all()


def test_network_and_loss_against_numpy():
    inputs, targets, parameters = small()
    one, two = parameters["layer1"], parameters["layer2"]
    by_hand = np.tanh(inputs @ one["weights"] + one["biases"]) @ two["weights"] + two["biases"]
    with jax.enable_x64(True):
        np.testing.assert_allclose(outputs(parameters, inputs), by_hand, rtol=1e-12)
        expected = np.mean(np.sum((by_hand - targets) ** 2, axis=1))
        np.testing.assert_allclose(mean_square_loss(parameters, inputs, targets), expected, rtol=1e-12)


def test_lanczos_top_is_the_largest_eigenvalue():
    generator = np.random.default_rng(1)
    A = generator.normal(size=(12, 12))
    A = A + A.T
    with jax.enable_x64(True):
        value, residual, vector = lanczos_top(lambda v: jnp.asarray(A) @ v, jnp.asarray(generator.normal(size=12)), 12)
        value, residual, vector = float(value), float(residual), np.asarray(vector)
    assert value == pytest.approx(np.linalg.eigvalsh(A)[-1], rel=1e-10)
    assert residual < 1e-9
    np.testing.assert_allclose(A @ vector, value * vector, atol=1e-8)


def test_descend_is_gradient_descent_and_its_sharpness_is_right():
    inputs, targets, parameters = small()
    segment = compile_segment(mean_square_loss, (inputs, targets), every=10, products=8)
    *_, last = descend(segment, parameters, 0.1, steps=20, every=10, products=8)
    assert last.step == 20
    with jax.enable_x64(True):
        plain = jax.tree.map(jnp.asarray, parameters)
        slope_of = jax.jit(jax.grad(mean_square_loss))
        for _ in range(20):
            slope = slope_of(plain, inputs, targets)
            plain = jax.tree.map(lambda leaf, change: leaf - 0.1 * change, plain, slope)
        flat, unravel = ravel_pytree(plain)
        hessian = jax.jit(jax.hessian(lambda v: mean_square_loss(unravel(v), inputs, targets)))(flat)
        top = float(np.linalg.eigvalsh(np.asarray(hessian))[-1])
        for mine, theirs in zip(jax.tree.leaves(last.parameters), jax.tree.leaves(plain), strict=True):
            np.testing.assert_allclose(mine, theirs, atol=1e-5)
    assert abs(last.sharpness - top) <= last.error + 1e-4 * top


@pytest.fixture(scope="module")
def short():
    return train(learning_rates=(0.1, 0.2), steps=40, every=20, samples=60)


def test_short_training_has_its_runs(short):
    assert [run.label for run in short.runs] == ["η = 0.1", "η = 0.2"]
    run = short.runs[1]
    assert run.steps == (20.0, 40.0)
    assert run.threshold == pytest.approx(10)
    assert run.loss_steps == (0.0, 25.0)
    assert run.losses[1] < run.losses[0]
    assert not short.interrupted
    assert short.learning_rate == 0.1
    assert short.parameters["layer1"]["weights"].dtype == np.float64


@pytest.mark.slow
def test_analysis_of_a_short_training(short):
    made = analyse(short)
    assert made.data.size == 64 * 40 + 40 + 40 * 20 + 20 + 20 * 10 + 10
    assert made.data.dtype == "float64"
    assert len(made.data.layers) == 6
    assert len(made.data.training) == 2
    assert made.data.stability.threshold == pytest.approx(20)
    last, sharpness = short.runs[0], made.data.number("sharpness")
    assert sharpness is not None
    assert sharpness.value == pytest.approx(last.sharpness[-1], rel=1e-3)
    assert "(1/N)" in made.data.notes[0]
    assert len(made.html().encode()) < 300_000


def test_ctrl_c_keeps_the_training_done():
    seen = []

    def stop(what, share):
        seen.append(share)
        if len(seen) == 3:
            raise KeyboardInterrupt

    half = train(learning_rates=(0.05, 0.1), steps=40, every=20, samples=60, progress=stop)
    assert half.interrupted
    assert [len(run.steps) for run in half.runs] == [2, 1]
    assert seen == sorted(seen)


def test_ctrl_c_before_anything():
    def stop(what, share):
        raise KeyboardInterrupt

    done = train(learning_rates=(0.1,), steps=20, every=20, samples=60, progress=stop)
    assert done.interrupted
    assert len(done.runs) == 1  # the first checkpoint was there before the call
