"""How sharp a place an optimizer can stand in: the stability thresholds of the literature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from osculate._errors import WrongInput

OPTIMIZERS = ("gd", "momentum", "adam")


@dataclass(frozen=True)
class Threshold:
    """Largest stable sharpness of an optimizer at a step size (None without one), its formula and its source."""

    optimizer: str
    value: float | None
    formula: str
    source: str


def threshold(optimizer: str, learning_rate: float | None, momentum: float = 0.9) -> Threshold:
    """Sharpness above which ``optimizer`` diverges on a quadratic, from its step size η and momentum β.

    - ``"gd"``: x ← x − η∇f is stable for λ < 2/η.
    - ``"momentum"``: heavy ball, v ← βv − η∇f, x ← x + v, for λ < 2(1 + β)/η.
    - ``"adam"``: m ← β₁m + (1 − β₁)∇f, x ← x − ηP⁻¹m, for λ_max(P⁻¹H) < 2(1 + β₁)/((1 − β₁)η), which is 38/η for
      β₁ = 0.9. A slowly changing P is taken as constant.

    Raises
    ------
    WrongInput
        For another optimizer, a step size that is not positive, or a momentum outside [0, 1).

    References
    ----------
    Cohen, Kaur, Li, Kolter, Talwalkar, "Gradient descent on neural networks typically occurs at the edge of stability"
    (2021), arXiv:2103.00065, sections 2 and appendix B. Cohen et al., "Adaptive gradient methods at the edge of
    stability" (2022), arXiv:2207.14484, section 2.

    Examples
    --------
    >>> threshold("gd", 0.1).value
    20.0
    >>> round(threshold("adam", 1e-3).value)
    38000
    """
    check(optimizer, learning_rate, momentum)
    first = "Cohen et al. 2021, arXiv:2103.00065"
    factor, formula, source = {
        "gd": (2.0, "2/η", first),
        "momentum": (2 * (1 + momentum), "2(1 + β)/η", f"{first}, heavy-ball momentum"),
        "adam": (
            2 * (1 + momentum) / (1 - momentum),
            "2(1 + β₁)/((1 − β₁)η)",
            "Cohen et al. 2022, arXiv:2207.14484, preconditioned sharpness",
        ),
    }[optimizer]
    return Threshold(optimizer, None if learning_rate is None else factor / learning_rate, formula, source)


def check(optimizer: str, learning_rate: float | None, momentum: float) -> None:
    """Refuse an optimizer, a step size or a momentum that the thresholds do not cover."""
    asked = "osculate.report"
    if optimizer not in OPTIMIZERS:
        raise WrongInput(asked, f"unknown optimizer {optimizer!r}", remedy=f"one of {', '.join(map(repr, OPTIMIZERS))}")
    if learning_rate is not None and not (np.isfinite(learning_rate) and learning_rate > 0):
        raise WrongInput(
            asked,
            f"the step size must be a positive number, not learning_rate={learning_rate!r}",
            remedy="the step size your optimizer uses at this point, for example learning_rate=0.1",
        )
    if not 0 <= momentum < 1:
        raise WrongInput(
            asked, f"momentum must lie in [0, 1), not momentum={momentum!r}", remedy="momentum=0.9 is the usual value"
        )


def adam_preconditioner(
    second_moment: Any,
    like: Any,
    *,
    momentum: float = 0.9,
    decay: float = 0.999,
    epsilon: float = 1e-8,
    step: int | None = None,
) -> NDArray[Any]:
    """Adam's diagonal preconditioner P, flat (n,): (1 − β₁ᵗ)(√(ν/(1 − β₂ᵗ)) + ε) after t steps.

    ``second_moment`` is ν, the running mean of squared gradients *before* its bias correction, a pytree shaped like
    the parameters (optax keeps it as ``state.nu``). Without ``step`` both corrections are 1, which is right late in
    training (Cohen et al. 2022, equation 2).

    Raises
    ------
    WrongInput
        If its leaves do not have the shapes of the parameters, or it holds a negative number or NaN.
    """
    shapes = [np.shape(leaf) for leaf in jax.tree.leaves(second_moment)]
    wanted = [np.shape(leaf) for leaf in jax.tree.leaves(like)]
    if shapes != wanted:
        raise WrongInput(
            "osculate.report",
            f"second_moment has leaves of shapes {shapes}, but the parameters have {wanted}",
            remedy="pass Adam's ν as a pytree shaped like x: optax keeps it as state.nu",
        )
    if step is not None and step < 1:
        raise WrongInput(
            "osculate.report", f"step={step} is not a number of steps taken", remedy="step=1 after Adam's first step"
        )
    flat = np.concatenate([np.ravel(np.asarray(leaf)) for leaf in jax.tree.leaves(second_moment)])
    if not (flat >= 0).all():
        raise WrongInput(
            "osculate.report",
            "second_moment holds a negative number or NaN, but it is a mean of squares",
            remedy="pass Adam's ν (optax: state.nu), not its first moment μ",
        )
    first, second = (1.0, 1.0) if step is None else (1 - momentum**step, 1 - decay**step)
    return first * (np.sqrt(flat / second) + epsilon)
