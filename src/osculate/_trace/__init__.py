"""The one room that knows JAX's internals: a function and its arguments become a ``Trace`` of our own frozen nodes."""

from .derived import inner_program, program, pushforward, single
from .function import function_location, trace
from .identity import closes_over_nothing
from .nodes import (
    Call,
    Cond,
    CustomJVP,
    CustomVJP,
    Elementary,
    LinearSolve,
    Literal,
    Node,
    Scan,
    Trace,
    Variable,
    While,
)
from .precision import Precision, at_top_level, is_traced, lanes, precision_of

__all__ = [
    "Call",
    "Cond",
    "CustomJVP",
    "CustomVJP",
    "Elementary",
    "LinearSolve",
    "Literal",
    "Node",
    "Precision",
    "Scan",
    "Trace",
    "Variable",
    "While",
    "at_top_level",
    "closes_over_nothing",
    "function_location",
    "inner_program",
    "is_traced",
    "lanes",
    "precision_of",
    "program",
    "pushforward",
    "single",
    "trace",
]
