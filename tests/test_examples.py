"""The examples run, and find what is known."""

import runpy
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


def example(name):
    return runpy.run_path(str(EXAMPLES / f"{name}.py"))


def test_every_example_is_run_here():
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {
        "classifier",
        "kuramoto_sivashinsky",
        "optimal_control",
        "pendulum",
        "quantum_dot",
        "saddles",
    }


def test_pendulum():
    series = example("pendulum")["main"]()
    known = [1, 0, 1 / 16, 0, 11 / 3072, 0, 173 / 737280, 0, 22931 / 1321205760]
    np.testing.assert_allclose(series.coefficients, known, rtol=1e-12, atol=1e-15)


def test_saddles():
    """The five points of Müller and Brown (1979), table 1."""
    found = example("saddles")["main"]()
    assert [verdict.kind for _, verdict in found] == ["minimum"] * 3 + ["saddle"] * 2
    published = [(-0.558, 1.442), (0.623, 0.028), (-0.050, 0.467), (-0.822, 0.624), (0.212, 0.293)]
    np.testing.assert_allclose([point for point, _ in found], published, atol=6e-4)
    assert all(verdict.index == 1 for _, verdict in found[3:])


@pytest.mark.slow
def test_classifier(tmp_path):
    pytest.importorskip("sklearn")
    pytest.importorskip("matplotlib")
    pytest.importorskip("jinja2")
    report = example("classifier")["main"](tmp_path)
    assert (tmp_path / "report.html").stat().st_size < 300_000
    assert report.verdict.startswith("Below the edge of stability")


@pytest.mark.slow
def test_kuramoto_sivashinsky(tmp_path):
    pytest.importorskip("matplotlib")
    error, residual_of_exact_wave = example("kuramoto_sivashinsky")["main"](tmp_path, iterations=400)
    assert error < 0.05
    assert residual_of_exact_wave < 1e-12
    assert (tmp_path / "kuramoto_sivashinsky.png").exists()


def test_optimal_control(tmp_path, capsys):
    """The altitude of COPS 3.0; the start and the equations without Ipopt, too."""
    rocket = example("optimal_control")
    program, start = rocket["program"](20)
    arguments = program.to_scipy(start)
    assert arguments["x0"].shape == (85,)
    assert arguments["constraints"].jac(arguments["x0"]).nnz == 19 * 20
    pytest.importorskip("cyipopt")
    altitude, status, missed = rocket["main"](tmp_path)
    assert status == 0
    assert missed < 1e-9
    assert altitude == pytest.approx(1.01283, abs=5e-6)
    assert "unknowns 10005, equations 7500" in capsys.readouterr().out


@pytest.mark.slow
def test_quantum_dot(tmp_path):
    pytest.importorskip("matplotlib")
    pytest.importorskip("optax")
    energy, error, deviation_of_exact_wave = example("quantum_dot")["main"](tmp_path, iterations=100)
    assert deviation_of_exact_wave < 1e-10
    assert abs(energy - 3) < 5 * error + 0.005
    assert (tmp_path / "quantum_dot.png").exists()
