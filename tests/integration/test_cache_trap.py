"""numba's cache does not notice an edit in a callee of another file; the folder that the core names by digest does."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CORE = Path(__file__).parents[2] / "libs" / "mm_core"
# `apply_levels` of book.py reaches `move_window` of window.py, which decides where the window starts.
CALL = """
import numpy as np
from mm_core.book.book import apply_levels, new_book
from mm_core.compiled import CORE_DIGEST
book = new_book(64, 32)
apply_levels(book, 0, np.array([100]), np.array([5]))
hits, misses = (sum(each.values()) for each in (apply_levels.stats.cache_hits, apply_levels.stats.cache_misses))
print(CORE_DIGEST, int(book["base_rank"][0, 0]), hits, misses)
"""
QUARTERS = "book.base_rank[side] = rank - 3 * (width >> 2)"
LOADED, COMPILED = (1, 0), (0, 1)
# Another machine, as LLVM reports to numba: neither name nor features are those of any that runs this.
OTHER_HOST = """
from llvmlite import binding
binding.get_host_cpu_name = lambda: "haswell"
binding.get_host_cpu_features = lambda: binding.FeatureMap({"avx2": True, "fma": True, "sse2": True})
"""


@pytest.fixture
def libs(tmp_path: Path) -> Path:
    """A copy of the core, to edit."""
    libs = tmp_path / "libs"
    shutil.copytree(CORE, libs / "mm_core", ignore=shutil.ignore_patterns("__pycache__"))
    (libs / "mm_research" / "engine").mkdir(parents=True)  # its sources are part of the folder's name, too
    (libs / "mm_research" / "engine" / "__init__.py").touch()
    return libs


def call(libs: Path, host: str = "", **settings: str) -> tuple[str, int, tuple[int, int]]:
    """(core digest, start of the window, (functions loaded, compiled)) in a new process."""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(libs.parent / "cache"), "NUMBA_DISABLE_JIT": "0"} | settings
    done = subprocess.run(
        [sys.executable, "-c", host + CALL],
        env=environment | {"PYTHONPATH": str(libs)},
        cwd=libs,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    digest, base, hits, misses = done.stdout.split()
    return digest, int(base), (int(hits), int(misses))


def test_an_edit_in_a_callee_of_another_file_is_seen_in_spite_of_the_cache(libs: Path) -> None:
    digest, *found = call(libs)
    assert found == [100 - 48, COMPILED]
    assert call(libs) == (digest, 100 - 48, LOADED), "the second process does not load what the first one compiled"

    window = libs / "mm_core" / "book" / "window.py"
    text = window.read_text()
    assert QUARTERS in text
    window.write_text(text.replace(QUARTERS, f"# The window starts here.\n    {QUARTERS}"))
    assert call(libs) == (digest, 100 - 48, LOADED), "a comment makes the callers in other files compile again"
    window.write_text(text.replace(QUARTERS, QUARTERS.replace("3", "2")))
    edited_digest, *found = call(libs)
    assert edited_digest != digest
    assert found == [100 - 32, COMPILED]


def test_code_for_a_level_is_loaded_on_another_machine_that_has_it(libs: Path) -> None:
    level = {"NUMBA_CPU_NAME": "x86-64-v3"}
    digest, *found = call(libs, **level)
    assert found == [100 - 48, COMPILED]
    assert call(libs, OTHER_HOST, **level) == (digest, 100 - 48, LOADED)
    assert call(libs) == (digest, 100 - 48, COMPILED), "code for this CPU and for the level are distinguished"
