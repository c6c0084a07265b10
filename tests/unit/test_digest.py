"""The digest of what decides: what changes it and what does not."""

import ast
import importlib
from pathlib import Path

import pytest

from mm_core.digest import code_text, sources_digest

ROOT = Path(__file__).parents[2]
CORE = sorted((ROOT / "libs" / "mm_core").rglob("*.py"))
CODE = '''"""A module."""
import math

LIMIT_LOTS = 10  # lots


def admitted(lots: int, scale: float = 1.5) -> bool:
    """Whether so many are let through."""
    # at most
    assert lots >= 0, "negative"
    return lots < LIMIT_LOTS and math.log(scale * lots + 1.0) < 3.0
'''


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""A module."""\n', ""),
        ("  # lots", ""),
        ("    # at most\n", ""),
        ("Whether so many", "True if so many"),
        ('    """Whether so many are let through."""\n', ""),
        ("import math\n", "\n\nimport math\n\n\n"),
        ("(lots: int, scale: float = 1.5)", "(\n    lots: int,\n    scale: float = 1.5,\n)"),
        ('"negative"', "'negative'"),
        ("= 10", "= 0xA"),
        ("scale * lots + 1.0", "(scale * lots) + 1.0"),
    ],
)
def test_comments_docstrings_and_layout_change_nothing(old: str, new: str) -> None:
    assert old in CODE
    assert code_text(CODE.replace(old, new).encode()) == code_text(CODE.encode())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("= 10", "= 11"),
        ("= 10", "= 10.0"),
        ("= 10", "= -10"),
        ("= 10", '= "10"'),
        ("1.5", "1.25"),
        ("lots < ", "lots <= "),
        (" and ", " or "),
        ("scale * lots + 1.0", "scale * (lots + 1.0)"),
        ("lots: int", "lots: float"),
        ('"negative"', '"below zero"'),
        ("lots >= 0", "lots > 0"),
        ("import math", "import numpy as math"),
        ("def admitted", "@compiled\ndef admitted"),
        ("    return", "    lots += 1\n    return"),
        ("    return lots", "lots = 1\nlots"),
    ],
)
def test_a_changed_constant_operator_type_or_statement_changes_it(old: str, new: str) -> None:
    assert old in CODE
    assert code_text(CODE.replace(old, new).encode()) != code_text(CODE.encode())


def test_texts_that_are_values_are_no_docstrings() -> None:
    assert code_text(b'NAME = "a"') != code_text(b'NAME = "b"')
    assert code_text(b'def name():\n    return "a"') != code_text(b'def name():\n    return "b"')
    assert code_text(b'f("a")') != code_text(b'f("b")')
    assert code_text(b'KINDS = ["a", "b"]') != code_text(b'KINDS = ["a"]')


def test_every_module_of_the_core_keeps_its_digest_without_comments_and_layout() -> None:
    sources = [path.read_bytes() for path in CORE]
    bare = [ast.unparse(ast.parse(source)).encode() for source in sources]
    assert sum(map(len, bare)) < sum(map(len, sources))
    assert [code_text(text) for text in bare] == [code_text(source) for source in sources]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of two modules that can be imported."""
    folder = tmp_path / "decides"
    folder.mkdir()
    for name, text in {"__init__": '"""All of it."""\n', "limits": CODE, "book": "DEPTH = 5\n"}.items():
        (folder / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def digest() -> str:
    """The package's digest, of the files as they are now."""
    importlib.invalidate_caches()
    return sources_digest("decides")


def test_an_edit_of_a_comment_in_a_file_changes_nothing_and_of_a_constant_does(package: Path) -> None:
    before = digest()
    limits = package / "limits.py"
    limits.write_text(f"# What is let through.\n{CODE}")
    assert digest() == before
    limits.write_text(CODE.replace("= 10", "= 11"))
    assert digest() != before
    limits.write_text(CODE)
    assert digest() == before


def test_a_renamed_a_new_and_a_moved_one_are_seen(package: Path) -> None:
    seen = [digest()]
    (package / "book.py").rename(package / "ladder.py")
    seen.append(digest())
    (package / "empty.py").touch()
    seen.append(digest())
    (package / "limits.py").write_text(CODE.replace("LIMIT_LOTS = 10", ""))
    (package / "ladder.py").write_text("DEPTH = 5\nLIMIT_LOTS = 10\n")
    seen.append(digest())
    assert len(set(seen)) == 4


def test_a_module_below_is_covered(package: Path) -> None:
    (package / "below").mkdir()
    (package / "below" / "__init__.py").touch()
    deep = package / "below" / "deep.py"
    deep.write_text("FEE_E9 = 1\n")
    before = digest()
    deep.write_text("FEE_E9 = 2\n")
    assert digest() != before
