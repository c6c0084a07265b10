"""House rules that no linter knows. Docstrings, complexity and line length are ruff's, imports import-linter's."""

import ast
import inspect
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from mm_core.events import EVENTS, Event

ROOT = Path(__file__).parents[1]
CODE = [path for folder in ("libs", "services", "tests") for path in sorted((ROOT / folder).rglob("*.py"))]
CORE = [path for path in CODE if path.is_relative_to(ROOT / "libs" / "mm_core")]
PACKAGES = [path.parent for path in CODE if path.name == "__init__.py" and path.parent.parent == ROOT / "libs"]
PROGRAMS = [path.parent for path in CODE if path.name == "__init__.py" and path.parent.parent == ROOT / "services"]
TEXTS = [
    path
    for part in ("libs", "services", "tests", "docs", ".ci")
    for path in sorted((ROOT / part).rglob("*"))
    if path.suffix in {".py", ".md", ".toml", ".json", ""} and path.is_file()
] + [path for path in sorted(ROOT.iterdir()) if path.is_file() and path.name != ".git"]  # a worktree has one
FILE_LINES = 300
FUNCTION_LINES = 40


def name(path: Path) -> str:
    """A file's name in a test's id."""
    return str(path.relative_to(ROOT))


def has_set(node: ast.AST) -> bool:
    """Whether a piece of code makes a set, whose order no one promises."""
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id in {"set", "frozenset"}
    return isinstance(node, ast.Set | ast.SetComp)


@pytest.mark.parametrize("path", CODE, ids=name)
def test_files_and_functions_fit_in_a_head(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= FILE_LINES
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    lengths = {function.name: (function.end_lineno or 0) - function.lineno + 1 for function in functions}
    assert {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES} == {}


@pytest.mark.parametrize("path", CODE, ids=name)
def test_nothing_waits_in_a_way_that_loses_a_cancellation(path: Path) -> None:
    # asyncio.wait_for of Python 3.11 returns a result that came in the same turn, and the task goes on for ever.
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)]
    places = [f"{path}:{call.lineno}" for call in calls if ast.unparse(call) == "asyncio.wait_for"]
    assert places == [] or path.name == "test_ending.py"


@pytest.mark.parametrize("event", [Event, *EVENTS], ids=lambda event: event.__name__)
def test_events_are_frozen_keyword_only_and_documented(event: type[Event]) -> None:
    assert event.__struct_config__.frozen
    parameters = inspect.signature(event).parameters.values()
    assert [each.name for each in parameters if each.kind is not inspect.Parameter.KEYWORD_ONLY] == []
    assert event.__dict__.get("__doc__")


@pytest.mark.parametrize("path", CORE, ids=name)
def test_the_core_holds_no_set_so_it_iterates_none(path: Path) -> None:
    assert [ast.unparse(node) for node in ast.walk(ast.parse(path.read_text())) if has_set(node)] == []


@pytest.mark.parametrize("package", PACKAGES + PROGRAMS, ids=name)
def test_every_package_and_program_has_a_readme(package: Path) -> None:
    assert (package / "README.md").is_file()


@pytest.mark.parametrize("path", TEXTS, ids=name)
def test_nothing_names_a_machine(path: Path) -> None:
    places = "home|root|work|tmp|Users"
    text = re.sub(r"^.*tmpfs.*", "", path.read_text(errors="ignore"), flags=re.MULTILINE)  # of a container
    assert re.findall(rf"(?<![\w.)}}-])/(?:{places})(?![\w-])", text) == []


def test_the_lock_holds_no_address() -> None:
    assert "://" not in (ROOT / "requirements.lock").read_text()


def test_the_lock_holds_versions_that_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [Requirement(line) for line in (*project["dependencies"], *project["optional-dependencies"]["dev"])]
    locked = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / "requirements.lock").read_text(), flags=re.MULTILINE))
    wrong = [str(each) for each in asked if not each.specifier.contains(locked[each.name])]
    assert wrong == []


def test_the_import_contracts_name_every_package() -> None:
    rules = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    contracts = {contract["name"]: contract for contract in rules["contracts"]}
    packages = sorted([*(package.name for package in PACKAGES), "mm_services"])
    layers = contracts["Packages build on each other in one direction"]["layers"]
    assert sorted(rules["root_packages"]) == packages
    assert {package.strip() for layer in layers for package in layer.split("|")}.issuperset(packages)
    without_bus = contracts["Only mm_runtime imports nats"]["source_modules"]
    assert sorted(without_bus) == [package for package in packages if package != "mm_runtime"]
    programs = [f"mm_services.{program.name}" for program in PROGRAMS]
    assert sorted(contracts["No program imports another"]["modules"]) == sorted(programs)


def test_the_distribution_names_every_package() -> None:
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    homes = {"libs": "", "services": "mm_services."}
    found = [
        (prefix + ".".join(path.parent.relative_to(ROOT / home).parts)).rstrip(".")
        for home, prefix in homes.items()
        for path in (ROOT / home).rglob("__init__.py")
    ]
    assert sorted(setuptools["packages"]) == sorted(found)
