"""The contract of the house: who may import whom, where JAX's internals stop, how large things grow."""

import ast
import importlib.metadata
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import osculate

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "osculate"
FILES = sorted(SOURCE.rglob("*.py"))

# From the ground up. A room may import rooms of lower layers; rooms of one layer do not know each other.
LAYERS = [
    {"_errors", "_results"},
    {"_trace"},
    {"_interpret", "_arguments", "_linear", "_formula"},
    {"_dependence", "_kinks"},
    {"_differentiable", "_rows"},
    {"_compiled"},
    {"_jets", "_spectrum", "_structure", "_factorisations"},
    {"_hessian", "_operators", "pde"},
    {"_geometry", "optimize"},
    {"_coverage"},
    {"_explain", "_report"},
    {"_demo"},
    {"_cli"},
    {"__main__"},
]
LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}
INTERNALS = ("jax.core", "jax.extend", "jax.interpreters", "jax._src")
HEAVY = {"sympy", "matplotlib", "torch", "sklearn", "jinja2", "rich", "typer", "optax", "pandas", "cyipopt"}

LARGEST_FILE = 400
LARGEST_FUNCTION = 60
MOST_NAMES = 36


def name_of(file: Path) -> str:
    return str(file.relative_to(SOURCE))


def room_of(file: Path) -> str:
    return file.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports(file: Path) -> Iterator[tuple[str, int]]:
    """Every module or name that a file imports anywhere in it, absolute and dotted, with its line."""
    package = ["osculate", *file.relative_to(SOURCE).parts[:-1]]
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((f"{module}.{alias.name}", node.lineno) for alias in node.names)


def dotted(node: ast.expr) -> str:
    """``jax.core.Jaxpr`` for the expression that reads so; empty for any other."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (owner := dotted(node.value)):
        return f"{owner}.{node.attr}"
    return ""


def touches(name: str, modules: tuple[str, ...]) -> bool:
    return any(name == module or name.startswith(module + ".") for module in modules)


def body_length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from the ``def`` to the end, without the docstring."""
    assert function.end_lineno is not None
    length = function.end_lineno - function.lineno + 1
    first = function.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        assert first.end_lineno is not None
        length -= first.end_lineno - first.lineno + 1
    return length


def test_every_room_has_its_layer():
    rooms = {room_of(file) for file in FILES} - {"__init__"}
    assert rooms <= LEVEL.keys(), f"give {sorted(rooms - LEVEL.keys())} a place in LAYERS"


@pytest.mark.parametrize("file", [file for file in FILES if room_of(file) != "__init__"], ids=name_of)
def test_imports_go_down_and_siblings_do_not_know_each_other(file):
    room = room_of(file)
    wrong = set()
    for name, line in imports(file):
        parts = name.split(".")
        if parts[0] != "osculate":
            continue
        other = parts[1] if len(parts) > 1 else "osculate itself"
        if other != room and not LEVEL.get(other, len(LAYERS)) < LEVEL[room]:
            wrong.add(f"{name_of(file)}:{line}: {room} imports {other}")
    assert not wrong, "\n".join(sorted(wrong))


@pytest.mark.parametrize("file", [file for file in FILES if room_of(file) != "_trace"], ids=name_of)
def test_only_the_trace_touches_internals_of_jax(file):
    found = [f"{name_of(file)}:{line}: {name}" for name, line in imports(file) if touches(name, INTERNALS)]
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and (touches(dotted(node), INTERNALS) or node.attr == "eqns"):
            found.append(f"{name_of(file)}:{node.lineno}: {dotted(node) or node.attr}")
    assert not found, "\n".join(found)


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_files_and_functions_stay_small(file):
    source = file.read_text(encoding="utf-8")
    assert source.count("\n") <= LARGEST_FILE, f"{name_of(file)} has {source.count(chr(10))} lines"
    functions = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    large = [f"{name_of(file)}:{n.lineno}: {n.name}, {body_length(n)}" for n in functions]
    large = [entry for entry in large if int(entry.rsplit(" ", 1)[1]) > LARGEST_FUNCTION]
    assert not large, "\n".join(large)


def test_public_names_are_few_and_there():
    assert len(osculate.__all__) == len(set(osculate.__all__)) <= MOST_NAMES
    missing = [name for name in osculate.__all__ if not hasattr(osculate, name)]
    assert not missing
    assert not [name for name in osculate.__all__ if not (getattr(osculate, name).__doc__ or "").strip()]


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_messages_and_docstrings_name_only_what_exists(file):
    """A remedy that cannot be pasted is worse than none."""
    named = set(re.findall(r"\bosculate\.([a-z]\w*)", file.read_text(encoding="utf-8")))
    missing = sorted(name for name in named if not hasattr(osculate, name))
    assert not missing, f"{name_of(file)} names osculate.{missing[0]}, which does not exist"


def test_import_loads_no_optional_package():
    program = "import sys, osculate; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "osculate" in loaded
    assert not loaded & HEAVY


def test_constraints_pin_everything_that_an_install_brings():
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    pins = [Requirement(line) for line in text.splitlines() if line and not line.startswith("#")]
    assert all(re.fullmatch(r"==[\w.]+", str(pin.specifier)) for pin in pins), "constraints are exact versions"
    pinned = {canonicalize_name(pin.name) for pin in pins}
    unseen, seen = {"osculate[dev]"}, set()
    while unseen:
        requirement = Requirement(unseen.pop())
        seen.add(str(requirement))
        for extra in requirement.extras or {""}:
            unseen |= set(requirements(requirement.name, extra)) - seen
    needed = {canonicalize_name(Requirement(name).name) for name in seen} - {"osculate"}
    assert needed <= pinned, f"constraints.txt lacks {sorted(needed - pinned)}"


def requirements(name: str, extra: str) -> Iterator[str]:
    """What an installed distribution asks for with one of its extras, on this machine: name and extras alone."""
    try:
        stated = importlib.metadata.requires(name) or []
    except importlib.metadata.PackageNotFoundError:  # an optional part that is not installed here
        return
    for text in stated:
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            yield (
                f"{requirement.name}[{','.join(sorted(requirement.extras))}]"
                if requirement.extras
                else requirement.name
            )
