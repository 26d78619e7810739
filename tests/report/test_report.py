"""The analysis against closed forms, on small problems and on one beyond the dense limit."""

import importlib
import json
import math

import jax
import numpy as np
import pytest

from osculate._errors import WrongInput, WrongType
from osculate._report import TrainingRun, report
from osculate._report.report import STAGES
from osculate._report.study import DENSE


def bowl(x):
    return 2 * x[0] ** 2 + 0.5 * x[1] ** 2


def number(made, key):
    found = made.data.number(key)
    assert found is not None
    return found


def value(measured):
    assert measured is not None
    return measured.value


def test_quadratic_has_its_closed_form():
    made = report(bowl, np.array([1.0, 2.0]), learning_rate=0.25)
    assert number(made, "value").value == pytest.approx(4)
    assert number(made, "gradient_norm").value == pytest.approx(math.hypot(4, 2))
    assert number(made, "sharpness").value == pytest.approx(4)
    assert number(made, "lowest").value == pytest.approx(1)
    assert number(made, "trace").value == pytest.approx(5)
    assert number(made, "condition").value == pytest.approx(4)
    assert number(made, "rate").value == pytest.approx(3 / 5)
    assert number(made, "gradient_curvature").value == pytest.approx((4 * 16 + 4) / 20)
    assert made.data.stability.threshold == pytest.approx(8)
    assert made.data.stability.ratio == pytest.approx(0.5)
    assert made.data.kind == "regular"
    assert made.data.dtype == "float64"
    assert made.data.missing == ()


@pytest.mark.parametrize(
    ("f", "kind"),
    [
        (lambda x: x[0] ** 2 + x[1] ** 2, "minimum"),
        (lambda x: -(x[0] ** 2) - x[1] ** 2, "maximum"),
        (lambda x: x[0] ** 2 - x[1] ** 2, "saddle"),
        (lambda x: x[0] ** 2 + x[1] ** 3, "degenerate"),
    ],
)
def test_verdict_names_the_kind(f, kind):
    made = report(f, np.zeros(2))
    assert made.data.kind == kind
    assert kind in made.verdict
    assert "needs a step size" in made.verdict


def test_ratio_decides_the_verdict():
    for rate, word in ((0.25, "Below"), (0.5, "At"), (0.6, "Beyond")):
        made = report(bowl, np.array([1.0, 2.0]), learning_rate=rate)
        assert made.verdict.startswith(word)
        assert f"{made.data.stability.ratio:.3f} ×" in made.verdict


def test_momentum_and_adam():
    made = report(bowl, np.array([1.0, 2.0]), learning_rate=0.25, optimizer="momentum", momentum=0.5)
    assert made.data.stability.ratio == pytest.approx(4 / 12)
    moment = np.array([4.0, 0.25])
    made = report(bowl, np.array([1.0, 2.0]), learning_rate=0.1, optimizer="adam", second_moment=moment, epsilon=0.0)
    assert made.data.stability.sharpness is not None
    assert made.data.stability.sharpness.value == pytest.approx(2)  # max of 4 / 2 and 1 / 0.5
    assert made.data.stability.ratio == pytest.approx(2 / 380)


def test_adam_without_its_moment_says_so():
    made = report(bowl, np.array([1.0, 2.0]), learning_rate=0.1, optimizer="adam")
    assert made.data.stability.ratio is None
    assert "second moment" in made.verdict
    assert any("second_moment" in item.remedy for item in made.data.missing)


def test_layers_and_their_shares():
    def f(p):
        return 3 * (p["a"] ** 2).sum() + (p["b"] ** 2).sum()

    made = report(f, {"a": np.ones((2, 2)), "b": np.ones(3)})
    layers = {layer.name: layer for layer in made.data.layers}
    assert value(layers["a"].trace) == pytest.approx(24)
    assert value(layers["a"].top) == pytest.approx(6)
    assert value(layers["b"].trace) == pytest.approx(6)
    assert layers["a"].mass == pytest.approx(1)
    assert sum(layer.mass or 0 for layer in made.data.layers) == pytest.approx(1)
    assert "stiff layer is a" in " ".join(made.data.advice)


def test_slices_and_their_reach():
    made = report(lambda x: x[0] ** 2 + x[0] ** 3 + x[1] ** 2 / 2, np.array([0.0, 0.0]))
    top = made.data.slices[0]
    assert top.curvature == pytest.approx(2)
    assert top.reach == pytest.approx(0.5)  # t³ is half of t²
    t = np.asarray(top.distances)
    np.testing.assert_allclose(top.model, t**2, atol=1e-14)
    signs = [np.allclose(top.values, t**2 + sign * t**3, atol=1e-13) for sign in (1, -1)]
    assert any(signs)
    assert made.data.slices[1].reach is None


@pytest.mark.slow
def test_large_problem_is_estimated_and_says_so():
    curvatures = np.concatenate([np.linspace(-0.5, 1.0, 640), [5.0, 7.0, 10.0]])
    assert curvatures.size > DENSE

    def f(x):
        return 0.5 * (np.asarray(curvatures) * x["x"] ** 2).sum() + 0.5 * (x["y"] ** 2).sum()

    made = report(f, {"x": np.full(curvatures.size, 1e-2), "y": np.ones(5)}, learning_rate=0.195)
    sharpness, trace = number(made, "sharpness"), number(made, "trace")
    assert sharpness.error is not None
    assert trace.error is not None
    assert abs(sharpness.value - 10) <= sharpness.error + 1e-12
    assert abs(trace.value - (curvatures.sum() + 5)) <= 5 * trace.error
    assert sharpness.how.startswith("estimate ±")
    assert number(made, "lowest").value == pytest.approx(-0.5, abs=1e-3)
    share = number(made, "clearly_negative")
    assert abs(share.value - 1 / 3) < 0.1
    spectrum = made.data.spectrum
    assert spectrum is not None
    assert np.trapezoid(spectrum.density, spectrum.grid) == pytest.approx(1, abs=0.1)
    assert made.data.layers[0].mass == pytest.approx(1, abs=1e-6)
    assert made.verdict.startswith("At the edge")


@pytest.mark.parametrize("point", [0.7, np.float64(0.7), np.array([0.7])])
def test_one_variable(point):
    made = report(lambda x: np.sum(np.cos(x)), point)
    assert number(made, "sharpness").value == pytest.approx(-math.cos(0.7))
    assert made.data.layers == ()
    assert len(made.data.slices) == 1


def test_float32_point_stays_float32():
    made = report(lambda x: (x**2).sum(), jax.numpy.ones(3, "float32"))
    assert made.data.dtype == "float32"
    assert number(made, "sharpness").value == pytest.approx(2, rel=1e-6)


def test_same_key_same_report():
    assert report(bowl, np.ones(2)).json() == report(bowl, np.ones(2)).json()


def test_json_has_null_for_what_is_no_number():
    made = report(lambda x: (x**2).sum() + 0 * np.sqrt(0.5 - x[0] ** 2), np.array([0.0, 0.0]))
    loaded = json.loads(made.json())
    values = [value for piece in loaded["slices"] for value in piece["values"]]
    assert None in values  # the slices run to |t| = 1, where the square root is NaN
    assert loaded["stability"]["ratio"] is None


def test_nan_loss_and_infinite_gradient_are_refused_in_four_parts():
    with pytest.raises(WrongInput, match="is nan at this point") as caught:
        report(lambda x: np.sum(np.log(x)), np.array([-1.0]))
    assert caught.value.where is not None
    assert caught.value.remedy
    with pytest.raises(WrongInput, match="gradient is not finite in a"):
        report(lambda p: np.sqrt(p["a"]) + p["b"], {"a": 0.0, "b": 1.0})


def test_verdict_inside_jit_is_refused():
    with pytest.raises(WrongType, match="traced"):
        jax.jit(lambda x: report(bowl, x))(jax.numpy.ones(2))


def test_ctrl_c_keeps_what_was_measured():
    def stop(what, share):
        if share > 0.5:
            raise KeyboardInterrupt

    made = report(bowl, np.ones(2), progress=stop)
    assert made.data.interrupted
    assert number(made, "sharpness").value == pytest.approx(4)
    assert made.data.slices == ()
    assert any(item.what == "the slices" and "Ctrl-C" in item.why for item in made.data.missing)
    assert "Ctrl-C" in made.data.advice[-1]


def test_ctrl_c_at_once_still_gives_a_report():
    def stop(what, share):
        raise KeyboardInterrupt

    made = report(bowl, np.ones(2), progress=stop)
    assert "could not be measured" in made.verdict
    assert json.loads(made.json())["spectrum"] is None


def test_progress_counts_up_to_one():
    calls = []
    report(bowl, np.ones(2), progress=lambda what, share: calls.append(share))
    assert calls == sorted(calls)
    assert calls[0] == 0
    assert calls[-1] == 1


def test_training_as_a_mapping():
    columns = {"steps": [0, 10], "sharpness": [2.0, 4.0], "loss": [1.0, 0.5]}
    made = report(bowl, np.ones(2), learning_rate=0.5, training=columns)
    assert made.data.training[0].ratios == (0.5, 1.0)
    run = TrainingRun("mine", 0.5, 4.0, (0.0,), (2.0,), (0.0,))
    assert report(bowl, np.ones(2), training=run).data.training == (run,)
    with pytest.raises(WrongInput, match="needs η"):
        report(bowl, np.ones(2), training=columns)
    with pytest.raises(WrongInput, match="do not fit together"):
        report(bowl, np.ones(2), learning_rate=0.5, training={"steps": [1], "sharpness": [1, 2]})


def test_a_stage_that_fails_is_named(monkeypatch):
    def fails(study, setting):
        raise WrongInput("osculate.taylor", "no rule for `mystery`.", remedy="another function")

    stages = [(what, fails if what == "the slices" else stage) for what, stage in STAGES]
    monkeypatch.setattr(importlib.import_module("osculate._report.report"), "STAGES", tuple(stages))
    made = report(bowl, np.ones(2))
    assert [item.what for item in made.data.missing] == ["the slices", "how close the sharpness is to its threshold"][
        ::-1
    ]
    assert "mystery" in made.data.missing[-1].why


def test_advice_follows_from_the_numbers():
    saddle = report(lambda x: x[0] ** 2 - x[1] ** 2, np.zeros(2), learning_rate=0.1)
    assert "way down" in saddle.data.advice[0]
    narrow = report(lambda x: x[0] ** 2 + 1e-3 * x[1] ** 2, np.array([1.0, 1.0]), learning_rate=0.5)
    assert "to 1," in narrow.data.advice[0]
    assert any("condition number is 1,000" in sentence for sentence in narrow.data.advice)
    wild = report(lambda x: x[0] ** 2 + x[1] ** 2, np.ones(2), learning_rate=2.0)
    assert wild.data.advice[0].startswith("Lower the step size from 2 to below 1")
