"""Hessians of CUTEst problems, dense and sparse, against JAX's own products, and their patterns against asdex.

The problems are those of the package ``sif2jax``, without constraints or with bounds alone. For each: the worst error
relative to the largest entry (against ``jax.hessian`` up to 1,000 unknowns, else against Hessian-vector products with
random vectors), the seconds of the first call and of the second, and the entries of the pattern beside asdex's.

``cutest.py`` runs the chosen problems, ``cutest.py 3/8`` the third of eight slices of them, ``cutest.py all`` all that
the package has, ``cutest.py ROSENBR CURLY10`` those named; ``--json FILE`` reads names and constructor arguments from a
file ``{"problems": [{"name": …, "args": {…}}, …]}``. A problem that hangs is ended.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import re
import resource
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

TOLERANCE, SECONDS, DENSE, COMPARED = 1e-10, 20.0, 2_000, 1_000
HANGING, MOST_MEMORY = 120.0, 18 * 2**30

CHOSEN = """\
AKIVA CLIFF CUBE DJTL EXPFIT JENSMP ROSENBR SISSER WAYSEA1 DENSCHND GROWTHLS MGH10LS BROWNDEN MGH09LS HEART6LS HEART8LS
VIBRBEAM OSBORNEB CHNROSNB LUKSAN11LS LUKSAN17LS QING COATING PENALTY3 VARDIM GENROSE INTEQNELS FLETCHCR HAIRY HATFLDD
ALLINITU BARD BIGGS6 COOLHANSLS HAHN1LS HILBERTB HUMPS LANCZOS1LS PALMER1C TRIGON1 VANDANMSLS VESUVIOLS SNAIL SPIN2LS
ARGLINA ARGTRIGLS DMN15102LS LUKSAN13LS LUKSAN15LS LUKSAN21LS ERRINROS EG2 EDENSCH TENFOLDTRLS MSQRTALS EIGENALS
ARWHEAD BDQRTIC BOX BROYDN7D BROYDN3DLS CHAINWOO COSINE CRAGGLVY CURLY10 CURLY30 SCURLY20 CYCLOOCFLS DIXMAANA1 DIXMAANP
DRCAV1LQ FLETBV3M FMINSURF FMINSRF2 FREUROTH GENHUMPS INDEF LIARWHD NONCVXUN NONDQUAR NONMSQRT POWER SPARSINE SBRYBND
WOODS TOINTGSS AIRCRFTB BDEXP CHARDIS0 DIAGNQT DIAGPQE EXPLIN HADAMALS HART6 HS110 LEVYMONT OBSTCLAE PALMER5B QUDLIN
RAYBENDL KOEBHELB BQPGABIM NCVXBQP1 TORSION1 DEGTRID
"""


class Row(NamedTuple):
    """What was measured for one problem; ``trouble`` says what is wrong."""

    name: str
    size: int = 0
    error: float = 0.0
    dense: tuple[float, float] | None = None
    sparse: tuple[float, float] | None = None
    entries: int = 0
    theirs: int | None = None
    detection: float | None = None
    trouble: str = ""

    @property
    def line(self) -> str:
        """A row of the table."""
        dense, sparse = (f"{t[0]:6.2f} {t[1]:8.4f}" if t else f"{'–':>6} {'–':>8}" for t in (self.dense, self.sparse))
        theirs = f"{self.theirs:>9}" if self.theirs is not None else f"{'–':>9}"
        detection = f"{self.detection:6.2f}" if self.detection is not None else f"{'–':>6}"
        verdict = f"MISS: {self.trouble}" if self.trouble else "OK"
        return (
            f"{self.name:11} {self.size:6} {self.error:8.0e}  {dense}  {sparse}  {self.entries:>9} {theirs} {detection}"
            f"  {verdict}"
        )


HEAD = "problem          n    error   dense     next  sparse     next    entries     asdex   (s)"


class TooLong(Exception):
    """A step went past its seconds."""


def limited(run: Callable[[], Any], seconds: float) -> tuple[Any, float]:
    """The result and the time of ``run``, which is ended after ``seconds``, as soon as Python is back in control."""

    def stop(*_: object) -> None:
        raise TooLong(f"more than {seconds:.0f} s")

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    start = time.perf_counter()
    try:
        return run(), time.perf_counter() - start
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def problem(name: str, arguments: dict[str, Any]) -> tuple[Callable[[Any], Any], Any]:
    """The objective as a function of one vector, and a point near the start, where few entries vanish by accident."""
    import jax
    import numpy as np
    import sif2jax  # pyright: ignore[reportMissingImports]
    from jax.flatten_util import ravel_pytree

    found = next(p for p in sif2jax.problems if type(p).__name__ == name)
    chosen = type(found)(**arguments) if arguments else found
    start, unravel = ravel_pytree(chosen.y0)
    start = jax.numpy.asarray(start, float)

    def objective(x: Any) -> Any:
        return chosen.objective(unravel(x), chosen.args)

    near = start + 1e-3 * (1 + abs(start)) * np.random.default_rng(0).uniform(-1, 1, start.size)
    return objective, near if np.isfinite(objective(near)) else start


def measured(name: str, f: Callable[[Any], Any], x: Any) -> Row:
    """One problem, dense and sparse; what fails is the trouble."""
    import osculate

    row = Row(name, x.size)
    troubles: list[str] = []
    forms = ("matrix", "sparse") if x.size <= DENSE else ("sparse",)
    compare = reference(f, x)
    for output in forms:
        compute = osculate.hessian(f, output=output, method="structured")
        try:
            (found, first), (_, second) = (limited(lambda c=compute: c(x), SECONDS) for _ in range(2))
        except Exception as refusal:
            troubles.append(f"{output}: {type(refusal).__name__}: {' '.join(str(refusal).split())[:300]}")
            continue
        error = compare(found)
        row = row._replace(error=max(row.error, error), **{"dense" if output == "matrix" else output: (first, second)})
        if not error <= TOLERANCE:
            troubles.append(f"{output}: wrong by {error:.0e}")
        if output == "sparse":
            row = row._replace(entries=found.nnz)
    return row._replace(trouble="; ".join(troubles))


def reference(f: Callable[[Any], Any], x: Any) -> Callable[[Any], float]:
    """A function from a Hessian to its error relative to the largest entry."""
    import jax
    import numpy as np

    def relative(difference: Any, exact: Any) -> float:
        bad = np.isnan(difference) & ~np.isnan(exact)
        return float("nan") if bad.any() else float(np.nanmax(abs(difference)) / max(np.nanmax(abs(exact)), 1e-300))

    if x.size <= COMPARED:
        exact = np.asarray(jax.jit(jax.hessian(f))(x))
        return lambda found: relative((found.toarray() if hasattr(found, "toarray") else found) - exact, exact)
    vectors = np.random.default_rng(1).standard_normal((3, x.size))
    product = jax.jit(lambda v: jax.jvp(jax.grad(f), (x,), (v,))[1])
    products = np.stack([product(v) for v in vectors])
    return lambda found: relative((found @ vectors.T).T - products, products)


def against_asdex(row: Row, f: Callable[[Any], Any], x: Any) -> Row:
    """The row with the entries that asdex finds; none where it refuses or is not done in time."""
    import asdex  # pyright: ignore[reportMissingImports]

    try:
        pattern, seconds = limited(lambda: asdex.hessian_sparsity(f, x), 2 * SECONDS)
    except Exception:
        return row
    more = row.entries - pattern.nnz
    trouble = row.trouble or (f"{more} entries more than asdex" if more > 0 else "")
    return row._replace(theirs=pattern.nnz, detection=seconds, trouble=trouble)


def serve(connection: Connection) -> None:
    """Measure one problem after another, in a process that may be ended: a row, and the row with asdex's figures."""
    import jax

    jax.config.update("jax_enable_x64", True)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    warnings.simplefilter("ignore")
    while True:
        name, arguments = connection.recv()
        try:
            f, x = problem(name, arguments)
            connection.send(row := measured(name, f, x))
            connection.send(against_asdex(row, f, x))
        except Exception as failure:
            connection.send(row := Row(name, trouble=f"not measured: {type(failure).__name__}: {failure}"[:300]))
            connection.send(row)


def rows(tasks: list[tuple[str, dict[str, Any]]]) -> Iterator[Row]:
    """A row for each problem; a process that does not answer is replaced."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    worker = None
    for name, arguments in tasks:
        if worker is None:
            here, there = context.Pipe()
            worker = context.Process(target=serve, args=(there,), daemon=True)
            worker.start()
            there.close()
        here.send((name, arguments))
        row, answers = Row(name, trouble="no answer, or the process died"), 0
        with contextlib.suppress(EOFError):  # where asdex takes all memory, the row without it stands
            while answers < 2 and here.poll(HANGING):
                row, answers = here.recv(), answers + 1
        yield row
        if answers < 2:
            worker.kill()
            worker = None
    if worker is not None:
        worker.kill()


def tasks_of(arguments: list[str]) -> list[tuple[str, dict[str, Any]]]:
    """What the command line asks for."""
    if arguments[:1] == ["--json"]:
        listed = json.loads(Path(arguments[1]).read_text())["problems"]
        return [(entry["name"], entry.get("args", {})) for entry in listed]
    names = CHOSEN.split()
    if arguments[:1] == ["all"]:
        import sif2jax  # pyright: ignore[reportMissingImports]

        collections = (sif2jax.unconstrained_minimisation_problems, sif2jax.bounded_minimisation_problems)
        names, arguments = list(dict.fromkeys(type(p).__name__ for c in collections for p in c)), arguments[1:]
    if arguments and (slice_of := re.fullmatch(r"(\d+)/(\d+)", arguments[0])):
        part, parts = map(int, slice_of.groups())
        names = names[part - 1 :: parts]
    elif arguments:
        names = arguments
    return [(name, {}) for name in names]


def main() -> int:
    tasks = tasks_of(sys.argv[1:])
    print(HEAD, flush=True)
    missed = 0
    for row in rows(tasks):
        print(row.line, flush=True)
        missed += bool(row.trouble)
    print(f"{len(tasks)} problems, {missed} missed; goal: error ≤ {TOLERANCE:.0e}, {SECONDS:.0f} s, entries ≤ asdex")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
