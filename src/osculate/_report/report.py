"""The curvature report: one call that measures, judges and draws."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jax
import numpy as np

from osculate._arguments import refuse_tracers
from osculate._errors import MissingExtra, OsculateError, WrongInput

from .data import Missing, ReportData, TrainingRun, installed_version
from .layers import measure_layers
from .point_kind import measure_kind
from .slices import measure_slices
from .stability import Setting, judged, measure_stability
from .stages import measure_density, measure_gradient, measure_spectrum, measure_trace
from .study import ASKED, Study, begin, function_name
from .terminal import summary
from .thresholds import threshold
from .verdict import advice, verdict

Progress = Callable[[str, float], None]
"""Called with what is being measured and the share of the stages that are done, from 0 to 1."""


@dataclass(frozen=True, eq=False)
class Report:
    """A finished report; ``data`` holds all of it. Printing shows the summary, a notebook shows the page.

    Attributes
    ----------
    data : ReportData
        Every number with its error, how it was obtained and how many products it took; the verdict; the advice.
    """

    data: ReportData

    def __str__(self) -> str:
        return summary(self.data)

    def __repr__(self) -> str:
        return f"Report({self.data.title!r}: {self.data.verdict})"

    @property
    def verdict(self) -> str:
        """One sentence: the kind of point, its sharpness, and how that compares to the threshold."""
        return self.data.verdict

    def html(self) -> str:
        """Page: one self-contained HTML document. Needs the extra ``osculate[report]``."""
        from .page import render

        return render(self.data)

    def json(self, indent: int | None = 2) -> str:
        """Write the same numbers as JSON, with all their digits; NaN and what was not measured are null."""
        return json.dumps(self.data.to_json(), indent=indent, ensure_ascii=False, allow_nan=False)

    def save(self, path: str | Path) -> Path:
        """Write the page, or the JSON for a path that ends in ``.json``; make folders that are missing.

        Returns
        -------
        pathlib.Path
            Where it was written, absolute.
        """
        target = Path(path).expanduser().resolve()
        text = self.json() + "\n" if target.suffix == ".json" else self.html()
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        return target

    def _repr_html_(self) -> str | None:
        """Page in a frame of its own, so that its style stays inside; None where an extra is missing: then the text."""
        frame = "width:100%;height:48rem;border:1px solid #8888;border-radius:8px"
        try:
            page = html.escape(self.html())
        except MissingExtra:
            return None
        return f'<iframe title="osculate report" style="{frame}" srcdoc="{page}"></iframe>'


def report(
    f: Callable[..., Any],
    x: Any,
    *data: Any,
    learning_rate: float | None = None,
    optimizer: str | None = None,
    momentum: float = 0.9,
    second_moment: Any = None,
    second_moment_decay: float = 0.999,
    epsilon: float = 1e-8,
    step: int | None = None,
    training: TrainingRun | Sequence[TrainingRun] | Mapping[str, Any] = (),
    title: str | None = None,
    products: int = 300,
    key: int = 0,
    progress: Progress | None = None,
) -> Report:
    """Measure the curvature of f at x and say what it means: for a point, or for a network in training.

    The sharpness is λ_max of H = ∇²f(x, data). An optimizer with step size η stands a sharpness below its threshold:
    2/η for gradient descent, 2(1 + β)/η for heavy-ball momentum, and for Adam 2(1 + β₁)/((1 − β₁)η) on the
    preconditioned sharpness λ_max(P⁻¹H).

    Parameters
    ----------
    f : callable
        f(x, data) is one real number.
    x : pytree of floating-point arrays
        The point, n numbers in all. Up to n = 500 the whole Hessian is formed and its spectrum is exact; beyond that
        its ends, density, trace and blocks are estimated from products, each with an error bar.
    data
        Further arguments of f, such as a batch.
    learning_rate : float, optional
        The step size η. Without it the verdict says that it needs one.
    optimizer : {"gd", "momentum", "adam"}, optional
        Gradient descent if left out.
    momentum : float
        β of heavy-ball momentum, β₁ of Adam.
    second_moment : pytree shaped like x, optional
        Adam's ν, the running mean of squared gradients (optax: ``state.nu``).
    second_moment_decay, epsilon, step
        Adam's β₂, its ε, and the number of steps so far, for the bias corrections (1 without it).
    training : TrainingRun or several, or a mapping, optional
        Sharpness over training. A mapping has ``"steps"`` and ``"sharpness"``, and may have ``"loss"``.
    title : str, optional
        Heading of the page; the name of f if left out.
    products : int
        Budget of the spectral density.
    key : int
        Seed of what is random; the same key gives the same report.
    progress : callable, optional
        Called with (what is being measured, share done).

    Returns
    -------
    Report
        With ``.data``, ``.verdict``, ``.json()``, ``.html()`` and ``.save(path)``. It is computed in float64 where x
        holds Python's or NumPy's floats. After Ctrl-C it holds what had been measured, with ``.data.interrupted``.

    Raises
    ------
    WrongInput
        If f or its gradient is not finite at x, x is empty or has NaN, or f is not scalar.
    WrongType
        If x is traced (inside ``jit``, ``vmap`` or ``grad``), integer or complex.

    References
    ----------
    Cohen et al., "Gradient descent on neural networks typically occurs at the edge of stability" (2021),
    arXiv:2103.00065; "Adaptive gradient methods at the edge of stability" (2022), arXiv:2207.14484.

    Examples
    --------
    >>> import numpy as np, osculate
    >>> bowl = osculate.report(lambda x: 2 * x[0] ** 2 + x[1] ** 2, np.zeros(2), learning_rate=0.25, title="a bowl")
    >>> print(bowl.verdict)
    Below the edge of stability: the sharpness, 4, is 0.500 × the threshold 2/η = 8 of gradient descent; the point is a
    minimum.
    """
    refuse_tracers(ASKED, x, data)
    setting = Setting(learning_rate, optimizer, momentum, second_moment, second_moment_decay, epsilon, step)
    threshold(optimizer or "gd", learning_rate, momentum)
    runs = training_runs(training, learning_rate, optimizer or "gd", momentum)
    study = begin(f, x, data, key=key, products=products)
    run_stages(study, setting, progress or _silent)
    return finished(study, setting, runs, title or function_name(f))


STAGES: tuple[tuple[str, Callable[[Study, Setting], None]], ...] = (
    ("the spectrum", lambda study, _: measure_spectrum(study)),
    ("the kind of point", lambda study, _: measure_kind(study)),
    ("the stability", measure_stability),
    ("the curvature along the gradient", lambda study, _: measure_gradient(study)),
    ("the trace", lambda study, _: measure_trace(study)),
    ("the spectral density", lambda study, _: measure_density(study)),
    ("the layers", lambda study, _: measure_layers(study)),
    ("the slices", lambda study, _: measure_slices(study)),
)


def run_stages(study: Study, setting: Setting, progress: Progress) -> None:
    """Run the stages in order; what fails is noted, and Ctrl-C ends them but keeps what they have measured."""
    for position, (what, stage) in enumerate(STAGES):
        try:
            progress(what, position / len(STAGES))
            stage(study, setting)
        except KeyboardInterrupt:
            study.interrupted = True
            study.missing += [
                Missing(left, "the analysis was stopped with Ctrl-C", "run it again") for left, _ in STAGES[position:]
            ]
            return
        except OsculateError as error:
            study.missing.append(Missing(what, error.problem.rstrip("."), error.remedy))
        except jax.errors.JaxRuntimeError as error:
            why = f"the machine could not do it: {str(error).splitlines()[0]}"
            study.missing.append(Missing(what, why, "fewer data, a smaller batch, or another machine"))
    progress("done", 1.0)


def finished(study: Study, setting: Setting, runs: tuple[TrainingRun, ...], title: str) -> Report:
    """Study as data, with its verdict and its advice."""
    sharpness = None if setting.optimizer == "adam" else study.number("sharpness")
    assumed = setting.learning_rate is not None and setting.optimizer is None
    measured = ReportData(
        title=title,
        version=installed_version(),
        verdict="",
        advice=(),
        size=study.size,
        dtype=str(study.operator.dtype),
        kind=study.kind,
        numbers=tuple(study.numbers),
        stability=study.stability or judged(setting, sharpness),
        spectrum=study.spectrum,
        training=runs,
        layers=tuple(study.layers),
        slices=tuple(study.slices),
        missing=tuple(study.missing),
        products=study.spent,
        interrupted=study.interrupted,
        notes=("No optimizer was named: the threshold is that of gradient descent.",) if assumed else (),
    )
    return Report(replace(measured, verdict=verdict(measured), advice=advice(measured)))


def training_runs(
    training: Any, learning_rate: float | None, optimizer: str, momentum: float
) -> tuple[TrainingRun, ...]:
    """Read what the user gave as ``training``, as runs.

    Raises
    ------
    WrongInput
        For a mapping without steps and sharpness, columns of different lengths, or no step size to compare with.
    """
    if isinstance(training, TrainingRun):
        return (training,)
    if not isinstance(training, Mapping):
        return tuple(training)
    limit = threshold(optimizer, learning_rate, momentum).value
    columns = {
        name: np.ravel(np.asarray(training.get(name, ()), np.float64)) for name in ("steps", "sharpness", "loss")
    }
    steps, sharpness, loss = columns.values()
    remedy = 'training={"steps": […], "sharpness": […], "loss": […]} and learning_rate=η'
    if learning_rate is None or limit is None:
        raise WrongInput(ASKED, "sharpness over training is drawn over its threshold, which needs η", remedy=remedy)
    if len(steps) != len(sharpness) or len(steps) == 0 or len(loss) not in (0, len(steps)):
        lengths = ", ".join(f"{name}: {len(column)}" for name, column in columns.items())
        raise WrongInput(ASKED, f"the columns of training do not fit together ({lengths})", remedy=remedy)
    listed, sharp, losses = (tuple(map(float, column)) for column in (steps, sharpness, loss))
    label = f"η = {learning_rate:g}"
    unknown = (0.0,) * len(listed)
    return (TrainingRun(label, learning_rate, limit, listed, sharp, unknown, listed if losses else (), losses),)


def _silent(what: str, share: float) -> None:
    del what, share
