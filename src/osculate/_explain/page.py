"""An explanation as HTML: a fragment for a notebook, or a page of its own; no network, no script."""

from __future__ import annotations

import hashlib
import re
from importlib import resources
from typing import Any

from .data import Curve, Surface
from .drawing import svg
from .palette import DARK
from .sections import sections
from .text import missing, plain


def fragment(data: Curve | Surface) -> str:
    """Set an explanation as one ``<section>`` with its own style and, where there is one, its picture.

    Raises
    ------
    MissingExtra
        Without Jinja2 or Matplotlib.
    """
    return _rendered("explanation.html.j2", data)


def page(data: Curve | Surface) -> str:
    """Set an explanation as a whole page.

    Raises
    ------
    MissingExtra
        Without Jinja2 or Matplotlib.
    """
    return _rendered("page.html.j2", data)


def _rendered(template: str, data: Curve | Surface) -> str:
    try:
        import jinja2
        from markupsafe import Markup
    except ImportError as error:
        raise missing("Jinja2", "the page") from error
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_resource),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    has_picture = isinstance(data, Curve) or data.grid is not None
    return environment.get_template(template).render(
        heading=data.title,
        notes=data.notes,
        sections=sections(data),
        picture=Markup(inline_svg(data)) if has_picture else None,
        caption=caption(data) if has_picture else "",
        colours=DARK,
        css=Markup(_resource("explanation.css")),
    )


def _resource(name: str) -> str:
    return resources.files("osculate._explain").joinpath(name).read_text(encoding="utf-8")


def caption(data: Curve | Surface) -> str:
    """Say what the picture shows and how it was drawn."""
    if isinstance(data, Surface):
        return (
            "Bands of equal height, with the quadratic model (dashed) and the eigenvectors of the Hessian at the point."
        )
    circle = "" if data.center is None else ", with the osculating circle (an ellipse where the axes' scales differ)"
    return f"The graph and its Taylor polynomials{circle}; marked are the extrema and inflections that were found."


def inline_svg(data: Curve | Surface) -> str:
    """Draw the picture as an ``<svg>`` element that takes its colours from the page."""
    text = svg(data)
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->\n?", "", text, flags=re.S)
    # Two explanations in one notebook must not share the ids of their clip paths.
    name = f"osculate-{hashlib.sha256(plain(data).encode()).hexdigest()[:8]}"
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'xlink:href="#', f'href="#{name}-', text)
    text = re.sub(r"url\(#", f"url(#{name}-", text)
    # Hundredths of a point are enough, and a third of the size; the numbers in the picture's text stay whole.
    text = re.sub(r"<[^>]+>", lambda tag: re.sub(r"(\d+\.\d\d)\d+", r"\1", tag[0]), text)
    for variable, (light, _) in DARK.items():
        text = text.replace(light, f"var(--osculate-{variable})")
    box: Any = re.search(r'viewBox="([^"]+)"', text)
    opening = f'<svg viewBox="{box[1]}" role="img" aria-label="{_attribute(caption(data))}">'
    return re.sub(r"<svg[^>]*>", lambda _: opening, text, count=1)


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
