"""Conformance of ``osculate.jet`` with nested ``jax.jvp``, swept over the public functions of JAX.

For every public function of ``jax.lax``, ``jax.numpy``, ``jax.scipy.special``, ``jax.nn``, ``jax.numpy.linalg`` and
``jax.numpy.fft`` a call is found (``jet_sweep_cases.py``), and its Taylor coefficients along a random curve are
compared at two points with an independent reference: the curve t ↦ f(x + v₁t + v₂t²/2 + …), differentiated in t by
nested ``jax.jvp``. ``jax.experimental.jet`` is given the same cases in the same process.

Run ``python benchmarks/jet_conformance.py``; ``--only NAME`` restricts it to some functions, ``--help`` lists the rest.
"""

from __future__ import annotations

import argparse
import inspect
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jax

jax.config.update("jax_enable_x64", True)

import jax.nn  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import jax.scipy.special  # noqa: E402
import numpy as np  # noqa: E402
from jet_sweep_cases import TABLE, Call, Draw, guesses  # noqa: E402

MODULES = {
    "lax": jax.lax,
    "lax.linalg": jax.lax.linalg,
    "jnp": jnp,
    "special": jax.scipy.special,
    "nn": jax.nn,
    "linalg": jnp.linalg,
    "fft": jnp.fft,
}
POINTS = 2
RTOL = 1e-8
RTOL_SINGLE = 1e-5  # for a function that computes in float32 inside, such as jax.nn.dot_product_attention
OUTCOMES = ("pass", "refused", "error", "nan", "wrong")  # the worst last


@dataclass(frozen=True)
class Case:
    """A call with its primals, its series and the derivatives that the reference found."""

    function: Callable[..., Any]
    primals: tuple[jax.Array, ...]
    series: tuple[list[jax.Array], ...]
    expected: list[list[np.ndarray]]  # order, then output
    rtol: float

    @property
    def constant(self) -> bool:
        """Whether every derivative is zero."""
        return not any(np.any(leaf) for order in self.expected[1:] for leaf in order)


@dataclass(frozen=True)
class Outcome:
    """What one implementation did with a function: the outcome of its worst case, and why."""

    kind: str
    reason: str = ""


def public_functions() -> Iterator[tuple[str, str, Callable[..., Any]]]:
    """Module, name and function; a function that is exported twice comes once."""
    seen: set[int] = set()
    for module, namespace in MODULES.items():
        for name in sorted(dir(namespace)):
            function = getattr(namespace, name)
            if name.startswith("_") or not callable(function) or inspect.isclass(function) or id(function) in seen:
                continue
            if hasattr(function, "__origin__"):  # a type alias, such as lax.PrecisionLike
                continue
            seen.add(id(function))
            yield module, name, function


def float_leaves(tree: Any) -> list[Any]:
    """The leaves that have a derivative: floats and complex numbers."""
    return [leaf for leaf in jax.tree.leaves(tree) if jnp.issubdtype(jnp.result_type(leaf), jnp.inexact)]


def bind(function: Callable[..., Any], call: Call, only: int | None) -> tuple[Callable[..., Any], list[Draw]]:
    """The function of the drawn arguments alone (or of the argument ``only``), and what is to be drawn."""
    leaves, tree = jax.tree.flatten((call.args, call.kwargs), is_leaf=lambda leaf: leaf is None)
    places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, Draw)]
    if only is not None:
        rng = np.random.default_rng(7)
        fixed = {i: leaves[i].sample(rng) for k, i in enumerate(places) if k != only}
        leaves = [fixed.get(i, leaf) for i, leaf in enumerate(leaves)]
        places = [places[only]]
    whole = call.through(function) if call.through else function

    def bound(*arrays: Any) -> tuple[Any, ...]:
        values = list(leaves)
        for place, array in zip(places, arrays, strict=True):
            values[place] = array
        args, kwargs = jax.tree.unflatten(tree, values)
        return tuple(float_leaves(whole(*args, **kwargs)))

    return bound, [leaves[i] for i in places]


def reference(function: Callable[..., Any], primals: Any, series: Any, order: int) -> list[list[np.ndarray]]:
    """The value and the derivatives 1 … order of t ↦ f(x + v₁t + v₂t²/2 + …) at 0, by nested ``jax.jvp``."""

    def along(t: Any) -> list[Any]:
        arguments = []
        for point, coefficients in zip(primals, series, strict=True):
            path = jnp.zeros_like(point)
            for k in range(order, 0, -1):
                path = t / k * (coefficients[k - 1] + path)
            arguments.append(point + path)
        return [function(*arguments)]

    def differentiated(inner: Callable[..., Any]) -> Callable[..., Any]:
        def outer(t: Any) -> list[Any]:
            values, tangents = jax.jvp(inner, (t,), (jnp.ones_like(t),))
            return [*values, tangents[-1]]

        return outer

    for _ in range(order):
        along = differentiated(along)
    try:
        with jax.disable_jit():  # one kernel an operation, shared by all functions: far less to compile
            orders = along(jnp.zeros(()))
    except Exception:
        orders = along(jnp.zeros(()))
    return [[np.asarray(leaf) for leaf in leaves] for leaves in orders]


def case_at(function: Callable[..., Any], draws: list[Draw], order: int, seed: int) -> Case:
    """A random point and random directions with the reference's derivatives."""
    rng = np.random.default_rng(seed)
    primals = tuple(draw.sample(rng) for draw in draws)
    series = tuple([jnp.asarray(rng.normal(size=p.shape)) for _ in range(order)] for p in primals)
    single = "f32[" in str(jax.make_jaxpr(function)(*primals))
    expected = reference(function, primals, series, order)
    return Case(function, primals, series, expected, RTOL_SINGLE if single else RTOL)


def attempt(function: Callable[..., Any], call: Call, order: int) -> list[Case] | str:
    """The cases of a call, or the reason why the call cannot be a case."""
    reason = "no call found"
    count = sum(isinstance(leaf, Draw) for leaf in jax.tree.leaves((call.args, call.kwargs)))
    for only in (None, *range(count if count > 1 else 0)):
        bound, draws = bind(function, call, only)
        try:
            rng = np.random.default_rng(0)
            if not jax.eval_shape(bound, *(draw.sample(rng) for draw in draws)):
                return "no floats come out"
        except Exception:
            return reason
        try:
            cases = [case_at(bound, draws, order, seed) for seed in range(POINTS)]
        except Exception as error:
            reason = f"the reference raises {type(error).__name__}"
            continue
        if all(np.all(np.isfinite(leaf)) for case in cases for leaves in case.expected for leaf in leaves):
            return cases
        reason = "the reference is not finite"
    return reason


def find_cases(module: str, name: str, function: Callable[..., Any], order: int) -> list[Case] | str:
    """Every case of a function: those of its table entry, or those of the first guess that works."""
    entry = TABLE.get(f"{module}.{name}", TABLE.get(name))
    if entry is not None:
        found = [attempt(function, call, order) for call in entry]
        cases = [case for cases in found if not isinstance(cases, str) for case in cases]
        return cases or next((reason for reason in found if isinstance(reason, str)), "not about floats")
    constant: list[Case] | None = None
    reasons: Counter[str] = Counter()
    for call in guesses(module):
        found = attempt(function, call, order)
        if isinstance(found, str):
            reasons[found] += 1
        elif found[0].constant:
            constant = constant or found
        else:
            return found
    del reasons["no call found"]
    return constant or (reasons.most_common(1)[0][0] if reasons else "no call found")


def osculate_jet(case: Case) -> list[list[Any]]:
    """Value and derivatives by ``osculate.jet``."""
    import osculate

    value, orders = osculate.jet(case.function, case.primals, case.series, scaling="derivative")
    return [jax.tree.leaves(value), *(jax.tree.leaves(order) for order in orders)]


def jax_jet(case: Case) -> list[list[Any]]:
    """Value and derivatives by ``jax.experimental.jet``."""
    from jax.experimental.jet import jet

    value, series = jet(case.function, case.primals, tuple(list(s) for s in case.series))
    return [list(value), *([output[k] for output in series] for k in range(len(case.series[0])))]


IMPLEMENTATIONS = {"osculate": osculate_jet, "jax": jax_jet}


def judge(case: Case, found: list[list[Any]]) -> Outcome:
    """Compare with the reference, each order relative to its own scale."""
    if len(found) != len(case.expected):
        return Outcome("wrong", f"{len(found) - 1} orders instead of {len(case.expected) - 1}")
    for k, (mine, theirs) in enumerate(zip(found, case.expected, strict=True)):
        if [np.shape(leaf) for leaf in mine] != [leaf.shape for leaf in theirs]:
            return Outcome("wrong", f"shape at order {k}")
        scale = max([1.0, *(float(np.max(np.abs(leaf), initial=0.0)) for leaf in theirs)])
        for ours, true in zip(mine, theirs, strict=True):
            if not np.all(np.isfinite(np.asarray(ours))):
                return Outcome("nan", f"order {k}")
            error = float(np.max(np.abs(np.asarray(ours) - true), initial=0.0)) / scale
            if error > case.rtol:
                return Outcome("wrong", f"order {k}: relative error {error:.1e}")
    return Outcome("pass")


def run_case(implementation: str, case: Case) -> Outcome:
    """One case by one implementation, with whatever it raises."""
    try:
        return judge(case, IMPLEMENTATIONS[implementation](case))
    except Exception as error:
        ours = any(cls.__name__ == "OsculateError" for cls in type(error).__mro__)
        text = " ".join(str(error).split())
        return Outcome("refused" if ours else "error", f"{type(error).__name__}: {text[:160]}")


def worst(outcomes: list[Outcome]) -> Outcome:
    """The worst of the outcomes of a function's cases."""
    return max(outcomes, key=lambda outcome: OUTCOMES.index(outcome.kind))


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Sweep of jet against nested jax.jvp.")
    parser.add_argument("--only", nargs="*", help="functions to run, such as lax.dot_general or median")
    parser.add_argument("--order", type=int, default=4)
    parser.add_argument("--impl", choices=list(IMPLEMENTATIONS), nargs="*", help="default: both")
    parser.add_argument("--excluded", action="store_true", help="name the functions that are not cases")
    parser.add_argument("--goal", type=float, default=93.0, help="exit 1 below this percentage of osculate")
    return parser.parse_args()


def report(results: dict[str, dict[str, Outcome]], excluded: dict[str, str], constants: int, names: bool) -> None:
    """Print the table, then everything that did not pass."""
    total = max([1, *(len(outcomes) for outcomes in results.values())])
    print(f"\n{total} functions swept ({constants} of them with zero derivatives), {len(excluded)} are not cases:")
    for reason, count in Counter(excluded.values()).most_common():
        print(f"  {count:4d}  {reason}")
        if names:
            print("        " + ", ".join(name for name, why in excluded.items() if why == reason))
    print(f"\n{'':24}" + "".join(f"{kind:>9}" for kind in OUTCOMES) + f"{'passed':>9}")
    for implementation, outcomes in results.items():
        counts = Counter(outcome.kind for outcome in outcomes.values())
        label = "osculate.jet" if implementation == "osculate" else "jax.experimental.jet"
        row = "".join(f"{counts[kind]:9d}" for kind in OUTCOMES)
        print(f"{label:24}{row}{100 * counts['pass'] / total:8.1f}%")
    for implementation, outcomes in results.items():
        print(f"\nnot passed by {implementation}:")
        for name, outcome in sorted(outcomes.items(), key=lambda item: -OUTCOMES.index(item[1].kind)):
            if outcome.kind != "pass":
                print(f"  {outcome.kind:8}{name:32}{outcome.reason}")


def available(asked: list[str] | None) -> list[str]:
    """The implementations asked for, without those that are not there."""
    import osculate

    chosen = asked or list(IMPLEMENTATIONS)
    if "osculate" in chosen and not hasattr(osculate, "jet"):
        print("osculate.jet is not there")
        chosen = [name for name in chosen if name != "osculate"]
    return chosen


def main() -> int:
    """Run the sweep; 1 when osculate is wrong somewhere or passes less than the goal."""
    options = parse()
    implementations = available(options.impl)
    results: dict[str, dict[str, Outcome]] = {name: {} for name in implementations}
    excluded: dict[str, str] = {}
    constants, start = 0, time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for module, name, function in public_functions():
            label = f"{module}.{name}"
            if options.only and label not in options.only and name not in options.only:
                continue
            print(f"\r{time.perf_counter() - start:5.1f} s  {label:40}", end="", file=sys.stderr, flush=True)
            cases = find_cases(module, name, function, options.order)
            if isinstance(cases, str):
                excluded[label] = cases
                continue
            constants += all(case.constant for case in cases)
            for implementation in implementations:
                results[implementation][label] = worst([run_case(implementation, case) for case in cases])
    print(f"\r{'':50}\r", end="", file=sys.stderr)
    report(results, excluded, constants, options.excluded)
    print(f"\nJAX {jax.__version__}, order {options.order}, {time.perf_counter() - start:.0f} s")
    ours = [outcome.kind for outcome in results.get("osculate", {}).values()]
    clean = not {"wrong", "nan"} & set(ours) and 100 * ours.count("pass") >= options.goal * len(ours)
    return 0 if clean else 1


if __name__ == "__main__":
    raise SystemExit(main())
