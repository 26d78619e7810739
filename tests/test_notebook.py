"""Results show themselves in a notebook: as a page, or as text where an extra is missing."""

import builtins

import numpy as np
import pytest

import osculate


def results():
    return osculate.explain("x^2", at=1.0), osculate.report(lambda x: np.sum(x**2), np.ones(2))


def test_as_pages():
    pytest.importorskip("jinja2")
    pytest.importorskip("matplotlib")
    for result in results():
        page = result._repr_html_()
        assert page is not None
        assert "<svg" in page or "&lt;svg" in page


def test_as_text_where_an_extra_is_missing(monkeypatch):
    shown = results()
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.partition(".")[0] in ("jinja2", "matplotlib"):
            raise ImportError(f"No module named {name!r}", name=name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    for result, words in zip(shown, ("f(x) = x**2", "not critical"), strict=True):
        assert result._repr_html_() is None
        assert words in repr(result)
