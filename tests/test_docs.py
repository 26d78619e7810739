"""The documentation is run: every Python block of README.md and docs/, as a reader would type it, page by page."""

import doctest
import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

import osculate

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
LANGUAGES = {"python", "sh", "powershell", "text", "json", "toml", "html"}
FENCE = re.compile(
    r"^```(?P<language>\S*)(?: requires=(?P<requires>\w+))?\n(?P<text>.*?)^```\s*$", re.MULTILINE | re.DOTALL
)
LINK = re.compile(r"\]\((?P<target>[^)#\s]+)(?:#[^)\s]*)?\)")
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.FAIL_FAST


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, the package it says it needs, its text and the line on which the text begins."""

    language: str
    requires: str
    text: str
    line: int

    @property
    def runs(self) -> bool:
        """Whether it is Python that can run here: ``python requires=torch`` needs PyTorch, which no extra brings."""
        return self.language == "python" and (not self.requires or find_spec(self.requires) is not None)


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path) -> list[Block]:
    source = page.read_text(encoding="utf-8")
    return [
        Block(m["language"], m["requires"] or "", m["text"], source.count("\n", 0, m.start("text")) + 1)
        for m in FENCE.finditer(source)
    ]


def run_session(block: Block, page: Path, names: dict) -> None:
    """A block with prompts: what it prints must be what the page says."""
    examples = doctest.DocTestParser().get_examples(block.text)
    session = doctest.DocTest(examples, names, name_of(page), str(page), block.line - 1, block.text)
    session.globs = names  # DocTest copies them, and the page's later blocks go on where this one ends
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=OPTIONS, verbose=False)
    runner.run(session, out=report.append, clear_globs=False)
    assert not runner.failures, "".join(report)


def run_script(block: Block, page: Path, names: dict) -> None:
    """A block without prompts: it must run as it stands. Errors and warnings show the page and its line."""
    exec(compile("\n" * (block.line - 1) + block.text, str(page), "exec"), names)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_python_block_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "__page__"}
    for block in blocks(page):
        if block.runs:
            check = run_session if ">>>" in block.text else run_script
            check(block, page, names)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_blocks_say_their_language_and_python_holds_no_shell(page):
    fences = re.findall(r"^```", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(fences) == 2 * len(blocks(page)), f"{name_of(page)} has a fence that is not closed or not understood"
    for block in blocks(page):
        assert block.language in LANGUAGES, f"{name_of(page)}:{block.line}: unknown language {block.language!r}"
        if block.language == "python":
            lines = [line.removeprefix(">>> ").lstrip() for line in block.text.splitlines()]
            shell = [line for line in lines if line.startswith(("!", "%", "$ "))]
            assert not shell, f"{name_of(page)}:{block.line}: {shell[0]!r} is for a shell or a notebook"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_between_pages_lead_somewhere(page):
    prose = FENCE.sub("", page.read_text(encoding="utf-8"))
    targets = [m["target"] for m in LINK.finditer(prose) if "://" not in m["target"]]
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert not missing, f"{name_of(page)} links to {missing}"


def test_every_page_can_be_reached_from_the_index():
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    linked = {(ROOT / "docs" / m["target"]).resolve() for m in LINK.finditer(index) if "://" not in m["target"]}
    pages = {page.resolve() for page in (ROOT / "docs").rglob("*.md")} - {(ROOT / "docs" / "index.md").resolve()}
    assert pages <= linked, f"docs/index.md does not link to {sorted(map(name_of, pages - linked))}"


def test_reference_names_every_public_name():
    pages = (ROOT / "docs" / "reference").glob("*.md")
    described = set(re.findall(r"^\| `(\w+)[`(.]", "".join(p.read_text(encoding="utf-8") for p in pages), re.MULTILINE))
    public = set(osculate.__all__)
    assert public <= described, f"docs/reference lacks {sorted(public - described)}"
    assert described <= public, f"docs/reference describes {sorted(described - public)}, which osculate does not have"
