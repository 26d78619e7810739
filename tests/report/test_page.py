"""The page: self-contained, in order, small, safe, and with the numbers of the JSON file."""

import dataclasses
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from osculate._report import report
from osculate._report.page import render
from osculate._report.words import number, percent, ratio

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")


def two_layers(p, scale):
    return scale * (3 * (p["first"] ** 2).sum() + np.sin(p["second"]).sum() + p["first"][0] * p["second"][0])


@pytest.fixture(scope="module")
def made():
    point = {"first": np.array([0.3, -0.2]), "second": np.array([0.5, 1.0, 2.0])}
    columns = {"steps": [0, 100, 200], "sharpness": [3.0, 5.5, 6.1], "loss": [2.0, 1.0, 0.9]}
    return report(two_layers, point, 1.0, learning_rate=0.3, training=columns, title="two layers")


@pytest.fixture(scope="module")
def page(made):
    return made.html()


class Reader(HTMLParser):
    """Collects elements, ids and the ``<data>`` values with their text."""

    def __init__(self):
        super().__init__()
        self.tags, self.ids, self.values, self.open = [], [], [], []

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        self.tags.append((tag, named))
        if "id" in named:
            self.ids.append(named["id"])
        if tag == "data":
            self.values.append([named["value"], ""])
            self.open.append(True)

    def handle_endtag(self, tag):
        if tag == "data":
            self.open.pop()

    def handle_data(self, data):
        if self.open:
            self.values[-1][1] += data


def read(page):
    reader = Reader()
    reader.feed(page)
    return reader


def numbers_in(loaded):
    if isinstance(loaded, dict):
        loaded = list(loaded.values())
    if isinstance(loaded, list):
        return {value for entry in loaded for value in numbers_in(entry)}
    return {loaded} if isinstance(loaded, int | float) and not isinstance(loaded, bool) else set()


def test_loads_nothing_and_runs_nothing(page):
    assert "http" not in page
    assert "//" not in re.sub(r"<style>.*?</style>", "", page, flags=re.S)
    assert "@import" not in page
    assert "url(" not in re.sub(r"url\(#", "", page)
    tags = {tag for tag, _ in read(page).tags}
    assert not tags & {"script", "link", "img", "iframe", "object"}


def test_is_small(page):
    assert len(page.encode()) < 300_000


def test_sections_come_in_order(page):
    ids = [name for name in read(page).ids if not name.startswith(("spectrum-", "training-", "slice-"))]
    assert ids == ["verdict", "advice", "spectrum", "training", "layers", "slices", "how", "missing"]


def test_ids_are_unique_and_references_hit(page):
    reader = read(page)
    assert len(reader.ids) == len(set(reader.ids))
    wanted = set(re.findall(r'href="#([^"]+)"', page)) | set(re.findall(r"url\(#([^)]+)\)", page))
    assert wanted
    assert wanted <= set(reader.ids)


def test_numbers_are_those_of_the_json(made, page):
    known = numbers_in(json.loads(made.json()))
    shown = read(page).values
    assert len(shown) > 40
    for exact, text in shown:
        assert float(exact) in known
        spellings = {number(float(exact), digits) for digits in (2, 3, 4, 7)}
        assert text.strip() in spellings | {ratio(float(exact)), percent(float(exact))}


def test_every_measured_number_is_on_the_page(made, page):
    shown = {float(exact) for exact, _ in read(page).values}
    for measured in made.data.numbers:
        assert measured.value in shown
    for layer in made.data.layers:
        assert {layer.trace.value, layer.top.value, layer.mass} <= shown


def test_verdict_and_advice_are_those_of_the_json(made, page):
    from html import unescape

    text = unescape(re.sub(r"<[^>]+>", "", page))
    assert made.verdict in text
    assert all(sentence in text for sentence in made.data.advice)
    assert all(item.why in text for item in made.data.missing)


def test_hostile_names_stay_text(made):
    hostile = '<script>alert("x")</script>'
    layers = tuple(dataclasses.replace(layer, name=hostile + layer.name) for layer in made.data.layers)
    runs = tuple(dataclasses.replace(run, label=hostile) for run in made.data.training)
    page = render(dataclasses.replace(made.data, title=hostile, layers=layers, training=runs, verdict=hostile))
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_light_and_dark_and_print(page):
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page
    svg = "".join(re.findall(r"<svg.*?</svg>", page, flags=re.S))
    assert "var(--blue)" in svg
    assert not re.findall(r"(?:fill|stroke): #(?!0a0b)[0-9a-f]{6}", svg), "a colour that is not the page's"
    assert "#0a0b" not in svg


def test_labels_keep_their_digits(page):
    """Rounding the coordinates must not round what is written."""
    assert re.search(r">0\.[0-9]{3}", page)


def test_page_is_the_same_twice(made, page):
    assert made.html() == page


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (lambda x: x**4 - 3 * x**2 + x, 1.0),
        (lambda x: np.sum(x), np.zeros(2)),
        (lambda x: np.sum(x**2), np.zeros(3)),
        (lambda x: -np.sum(x**2), np.ones(2)),
        (lambda x: 1e-30 * np.sum(x**2), np.ones(2)),
        (lambda x: 1e30 * np.sum(x**2), np.ones(2)),
        (lambda x: np.log(x[0]) ** 2 + x[1] ** 2, np.array([1.5, 0.0])),
    ],
)
def test_tiny_and_flat_problems_have_a_page(f, x):
    made = report(f, x, learning_rate=0.1)
    page = made.html()
    assert read(page).ids.count("verdict") == 1
    assert "nan" not in re.sub(r"<[^>]+>", " ", page).lower().split()


def test_page_of_an_interrupted_analysis():
    def stop(what, share):
        raise KeyboardInterrupt

    page = report(lambda x: x**2, 1.0, progress=stop).html()
    assert "Ctrl-C" in page
    assert "Not measured." in page


def test_save_makes_folders_and_knows_json(made, tmp_path):
    target = made.save(tmp_path / "a" / "b" / "report.html")
    assert target.read_text(encoding="utf-8") == made.html()
    loaded = json.loads(made.save(tmp_path / "report.json").read_text(encoding="utf-8"))
    assert loaded == json.loads(made.json())
    assert loaded["schema"].startswith("osculate.report/")


def test_notebook_shows_the_page_in_a_frame(made):
    shown = made._repr_html_()
    assert shown.startswith("<iframe")
    assert "<style>" not in shown  # escaped inside srcdoc


def test_text_summary_has_no_control_characters(made):
    lines = str(made).splitlines()
    assert lines[0] == "two layers"
    assert lines[1] == made.verdict
    assert len(lines) <= 10
    assert "\x1b" not in str(made)
