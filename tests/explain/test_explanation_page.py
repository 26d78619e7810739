"""The page: whole, self-contained, escaped, its numbers those of the text."""

import re
from html.parser import HTMLParser

import pytest

from osculate._explain import explain

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")


class Outline(HTMLParser):
    """What a page is made of: its tags in order, its ids and references, its text."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.ids, self.references, self.words = [], [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag not in ("meta", "link", "br", "img", "use", "path", "rect"):
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value)
            self.references += re.findall(r"url\(#([^)]+)\)", value or "")
            if name == "href":
                self.references.append((value or "").removeprefix("#"))

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in ("path", "use", "rect"):
            assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words += data.split()


@pytest.fixture(scope="module", params=["x^4 - 3x^2 + x", "x^2 + 3x y - y^4"])
def explanation(request):
    return explain(request.param)


def test_the_fragment_is_whole(explanation):
    outline = Outline(explanation.html())
    assert outline.open == []
    assert outline.tags[0] == "section"
    assert {"svg", "table", "style"} <= set(outline.tags)
    assert not {"script", "link", "img", "iframe"} & set(outline.tags)
    assert len(outline.ids) == len(set(outline.ids))
    assert set(outline.references) <= set(outline.ids)


def test_it_asks_the_network_for_nothing(explanation):
    text = re.sub(r'xmlns(:\w+)?="[^"]*"', "", explanation.html())
    assert "http" not in text
    assert "@import" not in text
    assert len(text.encode()) < 300_000


def test_it_says_what_the_text_says(explanation):
    said = " ".join(Outline(explanation.html()).words)
    for line in explanation.text().splitlines():
        assert " ".join(line.split()) in said or all(word in said for word in line.split())


def test_ids_differ_between_explanations():
    one, two = (Outline(explain(text, at=1).html()) for text in ("x^2", "x^2 + 1"))
    assert not set(one.ids) & set(two.ids)


def test_the_same_explanation_gives_the_same_page():
    assert explain("x^2", at=1).html() == explain("x^2", at=1).html()


def test_colours_come_from_the_page(explanation):
    text = explanation.html()
    svg = text[text.index("<svg") : text.index("</svg>")]
    assert "var(--osculate-ink)" in svg
    assert "#1a1e24" not in svg
    assert "prefers-color-scheme: dark" in text


def test_names_are_escaped():
    def f(x):
        return x**2

    f.__name__ = "<script>alert(1)</script>"
    text = explain(f, at=1.0).html()
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_the_page_is_a_document(tmp_path):
    text = explain("x^2", at=1).save(tmp_path / "page.html").read_text(encoding="utf-8")
    outline = Outline(text)
    assert outline.open == []
    assert outline.tags[:2] == ["html", "head"]
    assert "<title>f(x) = x**2 – osculate</title>" in text


def test_a_notebook_shows_the_fragment():
    explanation = explain("x^2", at=1)
    assert explanation._repr_html_() == explanation.html()
