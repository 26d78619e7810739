"""The experiment of Cohen et al. (2021) on the digits: three step sizes, and the sharpness each training ends at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from osculate._report import Report, TrainingRun, report

from .digits import digits
from .network import initial_parameters, mean_square_loss
from .training import Checkpoint, compile_segment, descend

LEARNING_RATES = (0.05, 0.1, 0.2)
ANALYSED = 0.1
STEPS = 7500
EVERY = 125
PRODUCTS = 12
LOSS_STRIDE = 25

Progress = Callable[[str, float], None]


@dataclass(frozen=True, eq=False)
class Experiment:
    """What the training gave.

    Attributes
    ----------
    runs : tuple of TrainingRun
        Sharpness and loss over the steps, one for each step size that was begun.
    parameters : pytree or None
        Where the analysed run ended, in float64; None if no run came as far as its first checkpoint.
    learning_rate : float
        Step size of the analysed run: 0.1, or the last one begun if training was stopped before that.
    data : pair of arrays
        Inputs (N, 64) and targets (N, 10).
    interrupted : bool
        Whether training was stopped with Ctrl-C.
    """

    runs: tuple[TrainingRun, ...]
    parameters: Any
    learning_rate: float
    data: tuple[NDArray[np.float64], NDArray[np.float64]]
    interrupted: bool


def train(
    *,
    learning_rates: Sequence[float] = LEARNING_RATES,
    steps: int = STEPS,
    every: int = EVERY,
    samples: int | None = None,
    progress: Progress | None = None,
) -> Experiment:
    """Train the network once with each step size, from the same start; Ctrl-C keeps what has been done.

    ``progress`` is called with (what is being done, share of all training done).
    """
    data = digits(samples)
    start = initial_parameters()
    done: dict[float, list[Checkpoint]] = {}
    interrupted = False
    segment = compile_segment(mean_square_loss, data, every=every, products=PRODUCTS)
    try:
        for position, rate in enumerate(learning_rates):
            checkpoints = done.setdefault(rate, [])
            for checkpoint in descend(segment, start, rate, steps=steps, every=every, products=PRODUCTS):
                checkpoints.append(checkpoint)
                if progress is not None:
                    progress(f"training at η = {rate:g}", (position + checkpoint.step / steps) / len(learning_rates))
    except KeyboardInterrupt:
        interrupted = True
    begun = {rate: checkpoints for rate, checkpoints in done.items() if checkpoints}
    analysed = ANALYSED if ANALYSED in begun else max(begun, key=list(begun).index, default=ANALYSED)
    ending = begun[analysed][-1].parameters if begun else None
    parameters = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), ending)
    runs = tuple(run_of(rate, checkpoints) for rate, checkpoints in begun.items())
    return Experiment(runs, parameters, analysed, data, interrupted)


def run_of(learning_rate: float, checkpoints: Sequence[Checkpoint]) -> TrainingRun:
    """Checkpoints of one run as columns; every 25th loss is kept, so that the spikes at the edge are seen."""
    losses = np.concatenate([checkpoint.losses for checkpoint in checkpoints])
    kept = range(0, len(losses), LOSS_STRIDE)
    return TrainingRun(
        label=f"η = {learning_rate:g}",
        learning_rate=learning_rate,
        threshold=2 / learning_rate,
        steps=tuple(float(checkpoint.step) for checkpoint in checkpoints),
        sharpness=tuple(checkpoint.sharpness for checkpoint in checkpoints),
        error=tuple(checkpoint.error for checkpoint in checkpoints),
        loss_steps=tuple(map(float, kept)),
        losses=tuple(float(losses[step]) for step in kept),
    )


def analyse(experiment: Experiment, progress: Progress | None = None) -> Report:
    """Full report on where the analysed run ended, in float64, with the sharpness over training of all runs."""
    measured = report(
        mean_square_loss,
        experiment.parameters,
        *experiment.data,
        learning_rate=experiment.learning_rate,
        optimizer="gd",
        training=experiment.runs,
        title=f"Edge of stability: a 64-40-20-10 tanh network on digits, trained at η = {experiment.learning_rate:g}",
        progress=progress,
    )
    last = max(experiment.runs[0].steps, default=0)
    notes = (
        "The network maps 64 pixels (in [0, 1], minus their mean image) through 40 and 20 tanh units to 10 outputs. "
        f"Its loss is the mean over all {len(experiment.data[0]):,} digits of the squared error summed over the "
        "outputs, (1/N) Σ ‖network(x) − y‖²; full-batch gradient descent in float32.",
        f"Sharpness over training: {PRODUCTS} steps of Lanczos in float32 every {EVERY} steps, begun at the last top "
        "eigenvector. The analysis of the end point is in float64.",
    )
    stopped = (f"Training was stopped with Ctrl-C; the first run came to step {last:,.0f}.",)
    interrupted = experiment.interrupted or measured.data.interrupted
    return Report(replace(measured.data, notes=notes + stopped * experiment.interrupted, interrupted=interrupted))
