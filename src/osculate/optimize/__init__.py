"""Nonlinear programs for solvers that exist: exact sparse derivatives and their structures, read from the functions."""

from .program import NonlinearProgram, nlp

__all__ = ["NonlinearProgram", "nlp"]
