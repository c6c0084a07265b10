"""What comments, docstrings and pages refer to is in the repository."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CODE = [path for folder in ("libs", "services", "tests", "deploy") for path in sorted((ROOT / folder).rglob("*.py"))]
CODE = [path for path in CODE if not path.is_relative_to(ROOT / "libs" / "mm_services")]  # a link to services
HISTORY = {"CHANGELOG.md", "docs/decisions.md", "docs/structure.md"}  # they name what was there before
HOMES = [ROOT / folder for folder in ("libs", "services", "tests", "deploy", "docs")]
ALL_PAGES = [*sorted(ROOT.glob("*.md")), *(path for home in HOMES for path in sorted(home.rglob("*.md")))]
PAGES = [path for path in ALL_PAGES if str(path.relative_to(ROOT)) not in HISTORY]
FOLDERS = "libs|services|docs|deploy|tests|samples|mm_[a-z]+"
# A path below one of our folders, or the bare name of a module or page; `<name>` and `*` stand for any name.
PATH = re.compile(rf"(?<![\w./-])(?:(?:{FOLDERS})/[\w.<>*/-]+|[\w<>*-]+\.(?:py|md))(?![\w/])")
MODULE = re.compile(r"(?<![\w./])mm_[a-z]+(?:\.\w+)+")
OUTSIDE = re.compile(r"\b(?:QUANT|DESIGN|PROTOCOL)\b|\b[Pp]rotocol \d")
NAMES = {path.name for path in [*CODE, *ALL_PAGES]}
LEFT: set[str] = set()
MADE = {"conftest.py"}  # of every folder of tests


def texts(path: Path) -> Iterator[str]:
    """The comments and docstrings of a module, or the text of a page."""
    if path.suffix != ".py":
        yield path.read_text()
        return
    source = path.read_text()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


def is_there(name: str, path: Path) -> bool:
    """Whether a path that a file names exists: from the root, a home of packages, or the file's own folders."""
    pattern = re.sub(r"<\w+>", "*", name.rstrip("./"))
    homes = [ROOT, ROOT / "libs", ROOT / "services", ROOT / "tests", path.parent]
    if any(next(home.glob(pattern), None) if "*" in pattern else (home / pattern).exists() for home in homes):
        return True
    return name in NAMES


def is_module(name: str) -> bool:
    """Whether a dotted name is a package or module, or a name in the text of one."""
    place, *rest = ROOT / "libs", *name.split(".")
    while rest and (place / rest[0]).is_dir():
        place /= rest.pop(0)
    one = bool(rest) and (place / f"{rest[0]}.py").is_file()
    modules = [place / f"{rest.pop(0)}.py"] if one else [*place.glob("*.py")]
    return all(any(re.search(rf"\b{each}\b", module.read_text()) for module in modules) for each in rest)


def unresolved(path: Path) -> list[str]:
    """What a file refers to and is not in the repository."""
    text = "\n".join(texts(path))
    missing = [name for name in PATH.findall(text) if name not in MADE and not is_there(name, path)]
    missing += [name for name in MODULE.findall(text) if not is_module(name) and not is_there(name, path)]
    return missing + OUTSIDE.findall(text)


def test_every_reference_is_to_something_in_the_repository() -> None:
    found = {str(path.relative_to(ROOT)): names for path in [*CODE, *PAGES] if (names := unresolved(path))}
    assert {path: names for path, names in found.items() if path not in LEFT} == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("docs/log.md, `mm_core/events`, libs/mm_store/log_file.py, tests/test_tidy.py", []),
        ("docs/lag.md and mm_core/nowhere.py", ["docs/lag.md", "mm_core/nowhere.py"]),
        ("`nowhere.py` beside test_tidy.py; services/<service>/figures.py", ["nowhere.py"]),
        ("mm_store.log_file.LogWriter, mm_store.log_file.NoSuchName", ["mm_store.log_file.NoSuchName"]),
        ("QUANT 7, the PROTOCOL, LOG protocol 3", ["QUANT", "PROTOCOL", "protocol 3"]),
    ],
)
def test_a_reference_to_what_is_not_there_is_found(text: str, expected: list[str], tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)
    assert unresolved(page) == expected
