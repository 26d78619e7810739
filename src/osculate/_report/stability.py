"""How close the sharpness that an optimizer feels comes to the largest that it stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from osculate._operators import CurvatureOperator
from osculate._spectrum import eigenvalues

from .data import Missing, Number, Stability
from .stages import TOLERANCE, product
from .study import Study
from .thresholds import adam_preconditioner, threshold


@dataclass(frozen=True)
class Setting:
    """How the user trains: step size, optimizer and what the optimizer keeps."""

    learning_rate: float | None = None
    optimizer: str | None = None
    momentum: float = 0.9
    second_moment: Any = None
    second_moment_decay: float = 0.999
    epsilon: float = 1e-8
    step: int | None = None


def measure_stability(study: Study, setting: Setting) -> None:
    """Sharpness that the optimizer feels against its threshold."""
    if setting.learning_rate is None:
        why = "no step size was given, and the threshold is inversely proportional to it"
        study.missing.append(Missing("how close the sharpness is to its threshold", why, "learning_rate=0.1"))
    adam = setting.optimizer == "adam"
    study.stability = judged(setting, preconditioned_sharpness(study, setting) if adam else study.number("sharpness"))


def judged(setting: Setting, felt: Number | None) -> Stability:
    """Set a sharpness, where there is one, against the threshold of the optimizer."""
    optimizer = setting.optimizer or "gd"
    limit = threshold(optimizer, setting.learning_rate, setting.momentum)
    return Stability(
        optimizer=optimizer,
        learning_rate=setting.learning_rate,
        momentum=None if optimizer == "gd" else setting.momentum,
        threshold=limit.value,
        sharpness=felt,
        ratio=None if limit.value is None or felt is None else felt.value / limit.value,
        formula=limit.formula,
        source=limit.source,
    )


def preconditioned_sharpness(study: Study, setting: Setting) -> Number | None:
    """λ_max(P^(−½) H P^(−½)) with Adam's P, or None (and a note) without its second moment."""
    if setting.second_moment is None:
        study.missing.append(
            Missing(
                "Adam's preconditioned sharpness",
                "it is the sharpness of P⁻¹H, and P comes from Adam's running mean of squared gradients",
                "second_moment=ν (optax: state.nu), a pytree shaped like x, and step=t early in training",
            )
        )
        return None
    diagonal = adam_preconditioner(
        setting.second_moment,
        study.x,
        momentum=setting.momentum,
        decay=setting.second_moment_decay,
        epsilon=setting.epsilon,
        step=setting.step,
    )
    scale = 1 / np.sqrt(diagonal)
    if study.matrix is not None:
        values = np.linalg.eigvalsh(scale[:, None] * study.matrix * scale)
        rounding = study.size * float(np.finfo(study.operator.dtype).eps) * float(np.abs(values).max())
        value, error, how, products = values[-1], rounding, "exact: from the dense matrix", 0
    else:
        scaled = CurvatureOperator.from_product(
            lambda v: scale * product(study.operator, scale * np.asarray(v)), study.operator.shape, study.operator.dtype
        )
        top = eigenvalues(scaled, 1, key=study.key, tolerance=TOLERANCE)
        value, error, how, products = np.asarray(top.value)[0], np.asarray(top.error)[0], top.how, top.products
    return study.measured(
        "preconditioned_sharpness", "preconditioned sharpness λ_max(P⁻¹H)", value, error, how, products
    )
