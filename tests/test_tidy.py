"""House rules that no linter knows. Docstrings, complexity and line length are ruff's, imports import-linter's."""

import ast
import inspect
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

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


def has_set(node: ast.AST) -> bool:
    """Whether a piece of code makes a set, whose order no one promises."""
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id in {"set", "frozenset"}
    return isinstance(node, ast.Set | ast.SetComp)


def offenders(paths: list[Path], find: Callable[[Path], object]) -> dict[str, object]:
    """What `find` has against some of the files, by their names."""
    return {str(path.relative_to(ROOT)): found for path in paths if (found := find(path))}


def nodes(path: Path) -> Iterator[ast.AST]:
    """The syntax tree of a file, node by node."""
    return ast.walk(ast.parse(path.read_text()))


def test_files_fit_in_a_head() -> None:
    def too_long(path: Path) -> int:
        lines = path.read_text().count("\n")
        return lines if lines > FILE_LINES else 0

    assert offenders(CODE, too_long) == {}


def test_functions_fit_on_a_screen() -> None:
    def too_long(path: Path) -> dict[str, int]:
        functions = [node for node in nodes(path) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        lengths = {function.name: (function.end_lineno or 0) - function.lineno + 1 for function in functions}
        return {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES}

    assert offenders(CODE, too_long) == {}


def test_nothing_waits_in_a_way_that_loses_a_cancellation() -> None:
    # asyncio.wait_for of Python 3.11 returns a result that came in the same turn, and the task goes on for ever.
    def waits(path: Path) -> list[int]:
        calls = [node for node in nodes(path) if isinstance(node, ast.Attribute)]
        return [call.lineno for call in calls if ast.unparse(call) == "asyncio.wait_for"]

    assert {*offenders(CODE, waits)} == {"tests/unit/runtime/test_ending.py"}  # it shows the loss


def test_events_are_frozen_keyword_only_and_documented() -> None:
    events: list[type[Event]] = [Event, *EVENTS]
    for event in events:
        assert event.__struct_config__.frozen, event
        parameters = inspect.signature(event).parameters.values()
        assert [each.name for each in parameters if each.kind is not inspect.Parameter.KEYWORD_ONLY] == [], event
        assert event.__dict__.get("__doc__"), event


def test_the_core_holds_no_set_so_it_iterates_none() -> None:
    assert offenders(CORE, lambda path: [ast.unparse(node) for node in nodes(path) if has_set(node)]) == {}


def test_every_package_and_program_has_a_readme() -> None:
    assert [folder for folder in PACKAGES + PROGRAMS if not (folder / "README.md").is_file()] == []


def test_nothing_names_a_machine() -> None:
    places = "home|root|work|tmp|Users"

    def named(path: Path) -> list[str]:
        text = re.sub(r"^.*tmpfs.*", "", path.read_text(errors="ignore"), flags=re.MULTILINE)  # of a container
        return re.findall(rf"(?<![\w.)}}-])/(?:{places})(?![\w-])", text)

    assert offenders(TEXTS, named) == {}


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
    assert contracts["No circles"]["ancestors"] == packages
    without_bus = contracts["Only mm_bus imports nats"]["source_modules"]
    assert sorted(without_bus) == [package for package in packages if package != "mm_bus"]
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
