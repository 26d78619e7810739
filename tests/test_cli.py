"""The command line: exit codes, messages, files, and no colour where none is wanted."""

import json
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from osculate._cli import main
from osculate._cli.inputs import load_function, load_point
from osculate._errors import WrongInput

pytest.importorskip("typer")

FUNCTIONS = """
import numpy as np

def bowl(x):
    return 2 * x[0] ** 2 + 0.5 * x[1] ** 2

def tree(p):
    return (p["a"] ** 2).sum() + 3 * (p["b"] ** 2).sum()

def undefined(x):
    return np.log(x[0])

def broken(x):
    raise RuntimeError("out of order")

number = 3
"""


@pytest.fixture
def functions(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(FUNCTIONS, encoding="utf-8")
    return tmp_path


def test_explain_prints_and_succeeds(capsys):
    assert main(["explain", "x^2", "--at", "1"]) == 0
    out = capsys.readouterr().out
    assert "x**2" in out
    assert "\x1b" not in out


@pytest.mark.parametrize("arguments", [["-x^2"], ["-x^2", "--at", "-1"], ["-x^2", "--at=-1", "--on=-3:3"]])
def test_a_formula_and_a_point_may_begin_with_a_minus(capsys, arguments):
    assert main(["explain", *arguments, "--json"]) == 0
    loaded = json.loads(capsys.readouterr().out)
    assert "x" in json.dumps(loaded)


def test_explain_writes_a_page(tmp_path, capsys):
    page = tmp_path / "page.html"
    assert main(["explain", "x^3 - 3x", "--at", "1", "--order", "4", "--out", str(page)]) == 0
    assert page.read_text(encoding="utf-8").lstrip().lower().startswith("<!doctype html>")
    assert str(page) in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["explain", "x +"], "osculate.explain"),
        (["explain", "import os"], "now:"),
        (["explain", "x", "--on", "3"], "now:"),
        (["explain", "x", "--at", "y=="], "now:"),
        (["explain", "x", "--order", "many"], "--order"),
        (["explain", "x", "--wrong"], "--wrong"),
        (["explain"], "FORMULA"),
        (["report", "mine.py:bowl"], "--at"),
        (["report", "mine.py", "--at", "1"], "FILE.py:FUNCTION"),
        (["report", "absent.py:f", "--at", "1"], "no file"),
        (["report", "mine.py:absent", "--at", "1"], "bowl, tree"),
        (["report", "mine.py:number", "--at", "1"], "not a function"),
        (["report", "mine.py:bowl", "--at", "absent.npz"], "no file"),
        (["report", "mine.py:bowl", "--at", "__import__('os')"], "--at"),
        (["report", "mine.py:bowl", "--at", "[1, 2]", "--optimizer", "sgd"], "'sgd'"),
        (["report", "mine.py:bowl", "--at", "[1, 2]", "--learning-rate", "-1"], "-1"),
        (["nothing"], "nothing"),
    ],
)
def test_wrong_use_is_2_with_a_message_and_no_traceback(functions, capsys, arguments, named):
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert named in captured.err
    assert "Traceback" not in captured.err + captured.out
    assert "\x1b" not in captured.err + captured.out


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["report", "mine.py:undefined", "--at", "[-1.0]"], ["nan", "mine.py", "now:"]),
        (["report", "mine.py:broken", "--at", "[1.0]"], ["out of order", "mine.py:14", "now:"]),
        (["report", "mine.py:bowl", "--at", "1.0"], ["mine.py", "now:"]),
    ],
)
def test_failed_analysis_is_1_and_names_the_users_line(functions, capsys, arguments, parts):
    assert main(arguments) == 1
    captured = capsys.readouterr()
    assert all(part in captured.err for part in parts), captured.err
    assert "Traceback" not in captured.err


def test_file_that_fails_when_run_names_its_line(functions, capsys):
    (functions / "bad.py").write_text("x = 1\n1 / 0\n", encoding="utf-8")
    (functions / "worse.py").write_text("def f(:\n", encoding="utf-8")
    assert main(["report", "bad.py:f", "--at", "1"]) == 2
    err = capsys.readouterr().err
    assert "ZeroDivisionError" in err
    assert "bad.py:2" in err
    assert main(["report", "worse.py:f", "--at", "1"]) == 2
    assert "SyntaxError" in capsys.readouterr().err


def test_report_writes_page_and_json_and_says_where(functions, capsys):
    arguments = ["report", "mine.py:bowl", "--at", "[1, 2]", "--learning-rate", "0.25", "--optimizer", "gd"]
    assert main([*arguments, "--out", "here"]) == 0
    captured = capsys.readouterr()
    page = functions / "here" / "report.html"
    assert captured.out.rstrip().endswith(str(page))
    assert "0.500 × the threshold" in captured.out
    assert captured.err == ""
    loaded = json.loads((functions / "here" / "report.json").read_text(encoding="utf-8"))
    assert loaded["stability"]["ratio"] == pytest.approx(0.5)
    assert loaded["dtype"] == "float64"
    assert loaded["verdict"] in page.read_text(encoding="utf-8")


def test_report_json_goes_to_stdout_alone(functions, capsys):
    assert main(["report", "mine.py:tree", "--at", '{"a": [1, 2], "b": 3}', "--json"]) == 0
    loaded = json.loads(capsys.readouterr().out)
    assert [layer["name"] for layer in loaded["layers"]] == ["a", "b"]
    assert not (functions / "osculate-report").exists()


def test_ctrl_c_writes_what_was_done_and_ends_with_130(functions, capsys, monkeypatch):
    from osculate._cli import commands

    def interrupted(*arguments: Any, **options: Any) -> Any:
        def stop(what, share):
            if share > 0.5:
                raise KeyboardInterrupt

        options["progress"] = stop
        return report(*arguments, **options)

    report = commands.report
    monkeypatch.setattr(commands, "report", interrupted)
    assert main(["report", "mine.py:bowl", "--at", "[1, 2]", "--out", "part"]) == 130
    assert "Ctrl-C" in capsys.readouterr().err
    assert json.loads((functions / "part" / "report.json").read_text(encoding="utf-8"))["interrupted"] is True


def test_points(tmp_path):
    assert load_point("1") == 1.0
    assert isinstance(load_point("1"), float)
    np.testing.assert_array_equal(load_point("[1, 2]"), [1.0, 2.0])
    assert load_point("[1, 2]").dtype == np.float64
    assert load_point(" -1.5 ") == -1.5
    np.save(tmp_path / "one.npy", np.ones(3))
    assert load_point(str(tmp_path / "one.npy")).shape == (3,)
    np.savez(tmp_path / "single.npz", weights=np.ones((2, 2)))
    assert load_point(str(tmp_path / "single.npz")).shape == (2, 2)
    np.savez(tmp_path / "several.npz", a=np.ones(2), b=np.zeros(3))
    assert set(load_point(str(tmp_path / "several.npz"))) == {"a", "b"}
    (tmp_path / "text.npz").write_text("no archive", encoding="utf-8")
    for wrong in ("[1, [2, 3]]", "'text'", "1j", "x=0", "True", str(tmp_path / "text.npz")):
        with pytest.raises(WrongInput):
            load_point(wrong)


def test_function_file_may_import_its_neighbour(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "neighbour_of_mine.py").write_text("def f(x):\n    return x\n", encoding="utf-8")
    (tmp_path / "user.py").write_text("from neighbour_of_mine import f\n", encoding="utf-8")
    function, path = load_function(f"{tmp_path / 'user.py'}:f")
    assert function(3) == 3
    assert path == (tmp_path / "user.py").resolve()


def test_demo_without_scikit_learn_gives_the_install_line(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    assert main(["demo"]) == 2
    assert 'python -m pip install "osculate[demo]"' in capsys.readouterr().err


def test_without_typer_gives_the_install_line(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "typer", None)
    assert main(["--version"]) == 2
    assert 'python -m pip install "osculate[report]"' in capsys.readouterr().err


def test_page_without_matplotlib_gives_the_install_line(functions, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main(["report", "mine.py:bowl", "--at", "[1, 2]"]) == 2
    assert 'python -m pip install "osculate[report]"' in capsys.readouterr().err


@pytest.mark.slow
def test_as_a_module_through_a_pipe():
    environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-m", "osculate"]
    version = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True, env=environment)
    assert version.stdout.startswith("osculate ")
    done = subprocess.run([*command, "explain", "-x^2"], capture_output=True, check=False, env=environment)
    assert done.returncode == 0
    assert b"\x1b" not in done.stdout + done.stderr
    assert done.stderr == b""
