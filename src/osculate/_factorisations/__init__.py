"""Symmetric matrices in the form that suits them, factorised by that form: numbers only, nothing of traces."""

from .cholesky import Cholesky, NotPositiveDefinite, cholesky
from .factor import Factor, LogDeterminant
from .factorise import factorise
from .form import Form, form_of
from .inertia import Inertia, Undecided, inertia

__all__ = [
    "Cholesky",
    "Factor",
    "Form",
    "Inertia",
    "LogDeterminant",
    "NotPositiveDefinite",
    "Undecided",
    "cholesky",
    "factorise",
    "form_of",
    "inertia",
]
