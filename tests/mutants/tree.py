"""A copy of the tree in which one mutant at a time is tested, in a process that has imported the libraries already."""

import os
import shutil
import sys
from enum import Enum
from multiprocessing.context import ForkServerContext
from pathlib import Path

ROOT = Path(__file__).parents[2]
PARTS = ("libs", "tests", "pyproject.toml")
PRELOADED = ["hypothesis", "msgspec", "numba", "numpy", "pyarrow", "pytest"]  # what takes seconds, and is not mutated
SETTINGS = "_hypothesis_internal_use_settings"  # where hypothesis keeps those of a test
PRELOADING = "ignore::pytest.PytestAssertRewriteWarning"  # hypothesis is imported before pytest begins
OUTPUT = "pytest.txt"  # of the last tests in a tree
EXAMPLES = 20  # of a property
KILLED = (1, 2)  # exit codes of pytest: a test failed, a module could not be imported


class Verdict(Enum):
    """What became of a mutant."""

    KILLED = "killed"
    SURVIVED = "survived"
    TIMEOUT = "timeout"


class TreeError(Exception):
    """The tests could not be run at all."""


class Few:
    """A plugin of pytest: every property runs few examples, the same each time, and does not shrink."""

    def pytest_collection_modifyitems(self, items: list[object]) -> None:
        """Before the tests run: what `@settings` says of one of them is not for mutants."""
        from hypothesis import HealthCheck, Phase, settings

        few = settings(
            max_examples=EXAMPLES,
            derandomize=True,
            database=None,
            deadline=None,
            phases=(Phase.explicit, Phase.generate),
            suppress_health_check=list(HealthCheck),
        )
        for item in items:
            function = getattr(item, "obj", None)
            if getattr(function, "is_hypothesis_test", False):
                setattr(function, SETTINGS, few)


class Tree:
    """A copy of the repository below `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for part in PARTS:
            source = ROOT / part
            if source.is_dir():
                shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
            else:
                shutil.copy2(source, folder / part)

    def run(
        self, context: ForkServerContext, path: str, source: str, tests: tuple[str, ...], limit_s: float
    ) -> Verdict:
        """Test with this source at `path`; the file is put back. TreeError where pytest itself fails."""
        file = self.folder / path
        original = file.read_bytes()
        file.write_text(source)
        try:
            process = context.Process(target=run_tests, args=(self.folder, tests))
            process.start()
            process.join(limit_s)
            if process.is_alive():
                process.kill()
                process.join()
                return Verdict.TIMEOUT
        finally:
            file.write_bytes(original)
        if process.exitcode in KILLED:
            return Verdict.KILLED
        if process.exitcode != 0:
            raise TreeError(f"{path}: pytest ended with {process.exitcode}; expected 0, 1 or 2: {self.last_line()}")
        return Verdict.SURVIVED

    def last_line(self) -> str:
        """The last line of what pytest wrote."""
        lines = (self.folder / OUTPUT).read_text().split("\n")
        return next((line for line in reversed(lines) if line.strip()), "no output")


def run_tests(folder: Path, tests: tuple[str, ...]) -> None:
    """In a new process: run these tests on the code below `folder` and exit as pytest does."""
    import pytest

    os.chdir(folder)
    sys.dont_write_bytecode = True  # a mutant may have the size and the second of the one before
    sys.path[:] = [
        str(folder / "libs"),
        *(each for each in sys.path if each and not Path(each).is_relative_to(ROOT / "libs")),
    ]
    sys.path[:] = [each for each in sys.path if Path(each) not in (ROOT, Path())]
    for name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
        del sys.modules[name]
    output = os.open(folder / OUTPUT, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    options = ["-x", "-q", "--tb=no", "--no-header", "-p", "no:cacheprovider", "-W", PRELOADING]
    sys.exit(int(pytest.main([*options, *tests], plugins=[Few()])))
