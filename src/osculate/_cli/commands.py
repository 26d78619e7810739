"""The three commands. Each reads its arguments (wrong use: 2), works (failure: 1), and shows the result."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from osculate._errors import MissingExtra
from osculate._report import Report, report
from osculate._report.data import installed_version
from osculate._report.thresholds import check

from .inputs import load_function, load_point
from .showing import FAILED, STOPPED, WRONG_USE, ending, progress_bar, show, show_error, show_place, writing

application = typer.Typer(
    name="osculate",
    help="Derivatives of every order, Hessians and curvature, and what they mean.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Folder = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for report.html and report.json.")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"osculate {installed_version()}")
        raise typer.Exit


@application.callback()
def begin(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Read the options before the command's name."""
    del version


# A formula may begin with a minus, which Typer would take for an option.
@application.command("explain", context_settings={"ignore_unknown_options": True})
def explain_command(
    formula: Annotated[str, typer.Argument(metavar="FORMULA", help='For example "x^4 - 3x^2 + x".')],
    at: Annotated[str | None, typer.Option(help="The point: 1, or x=0,y=0.", metavar="POINT")] = None,
    on: Annotated[str | None, typer.Option(help="The window: --on=-3:3, or --on x=-1:1,y=0:2.", metavar="A:B")] = None,
    order: Annotated[int, typer.Option(min=1, max=30, help="Highest derivative, and order of the polynomial.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
    out: Annotated[Path | None, typer.Option("--out", metavar="PAGE.html", help="Also write a page there.")] = None,
) -> None:
    """Explain a formula: derivatives, Taylor polynomial, curvature, extrema, inflections."""
    from osculate._explain import explain
    from osculate._explain.subject import subject_of, windows_of

    with ending("osculate explain", WRONG_USE):
        windows_of(on, subject_of(formula, at).names)
    with ending("osculate explain", FAILED):
        explanation = explain(formula, at=at, on=on, order=order)
    if as_json:
        typer.echo(explanation.json())
    else:
        show(explanation.text(), explanation.rich)
    if out is not None:
        with ending("osculate explain", WRONG_USE), writing(out):
            page = explanation.save(out)
        show_place("Page", page, quiet=as_json)


@application.command("report")
def report_command(
    target: Annotated[str, typer.Argument(metavar="FILE.py:FUNCTION", help="A function of the point: one number.")],
    at: Annotated[str, typer.Option(metavar="POINT", help="An .npz or .npy file, or a literal such as '[1, 2]'.")],
    learning_rate: Annotated[float | None, typer.Option(metavar="η", help="Step size of your optimizer.")] = None,
    optimizer: Annotated[str | None, typer.Option(metavar="gd|momentum|adam", help="Your optimizer.")] = None,
    momentum: Annotated[float, typer.Option(metavar="β", help="Momentum, or Adam's β₁.")] = 0.9,
    second_moment: Annotated[
        str | None, typer.Option(metavar="POINT", help="Adam's running mean of squared gradients, as --at.")
    ] = None,
    step: Annotated[
        int | None, typer.Option(metavar="T", help="Adam's steps so far, for its bias corrections.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Folder for the page and the JSON.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; write files only with --out.")] = False,
) -> None:
    """Report on the curvature of a function of your own at a point, and write the page."""
    with ending("osculate report", WRONG_USE, Path(target.rpartition(":")[0]).resolve()):
        check(optimizer or "gd", learning_rate, momentum)
        function, file = load_function(target)
        point = load_point(at)
        moment = None if second_moment is None else load_point(second_moment)
    with ending("osculate report", FAILED, file), progress_bar() as progress:
        result = report(
            function,
            point,
            learning_rate=learning_rate,
            optimizer=optimizer,
            momentum=momentum,
            second_moment=moment,
            step=step,
            title=f"{file.name}:{target.rpartition(':')[2]}",
            progress=progress,
        )
    finish(result, Path("osculate-report") if out is None and not as_json else out, as_json=as_json)


@application.command("demo")
def demo_command(out: Folder = Path("osculate-demo")) -> None:
    """Train a network on digits at three step sizes, watch it reach the edge of stability, and report on it."""
    from osculate._demo import analyse, train

    with ending("osculate demo", WRONG_USE):
        require_demo()
    with ending("osculate demo", FAILED):
        with progress_bar() as progress:
            experiment = train(progress=progress)
        if not experiment.runs:
            raise KeyboardInterrupt
        with progress_bar() as progress:
            result = analyse(experiment, progress)
    finish(result, out)


def require_demo() -> None:
    """Refuse the demo before any work if what it needs at its end is not installed.

    Raises
    ------
    MissingExtra
        Naming what is missing.
    """
    try:
        import jinja2 as _jinja2  # noqa: F401  # pyright: ignore[reportUnusedImport]
        import matplotlib as _matplotlib  # noqa: F401  # pyright: ignore[reportUnusedImport]
        import sklearn as _sklearn  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except ImportError as error:
        problem = f"the demo needs {error.name}, which is not installed."
        raise MissingExtra("osculate demo", problem, remedy='python -m pip install "osculate[demo]"') from error


def finish(result: Report, folder: Path | None, *, as_json: bool = False) -> None:
    """Write the page and the JSON, show the summary or the JSON, and leave with 130 after Ctrl-C."""
    if as_json:
        typer.echo(result.json())
    else:
        show(str(result))
    if folder is not None:
        with ending("osculate report", WRONG_USE), writing(folder):
            result.save(folder / "report.json")
            page = result.save(folder / "report.html")
        show_place("Report", page, quiet=as_json)
    if result.data.interrupted:
        show_error("osculate", "stopped with Ctrl-C; what had been done is kept.", None, "run it again for the rest")
        raise typer.Exit(STOPPED)
