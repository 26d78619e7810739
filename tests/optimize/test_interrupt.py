"""Ctrl-C stops Ipopt."""

import os
import signal
import threading
import time

import jax.numpy as jnp
import numpy as np
import pytest

from osculate.optimize import nlp


@pytest.mark.skipif(os.name == "nt", reason="signals of another kind")
def test_ctrl_c_stops_the_solver():
    pytest.importorskip("cyipopt")
    n = 2000
    program = nlp(lambda x: jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2))
    ipopt = program.to_cyipopt(np.full(n, -1.2))
    for name, value in (("print_level", 0), ("max_iter", 10**6), ("tol", 1e-300), ("acceptable_iter", 0)):
        ipopt.add_option(name, value)
    threading.Timer(0.4, os.kill, (os.getpid(), signal.SIGINT)).start()
    began = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        _solve_and_wait(ipopt)
    assert time.perf_counter() - began < 1.5


def _solve_and_wait(ipopt):
    ipopt.solve(ipopt.x0)
    time.sleep(2)  # had it ended by itself, the signal comes here, and the time shows it
