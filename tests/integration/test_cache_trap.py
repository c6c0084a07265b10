"""numba's cache does not notice an edit in a callee of another file; the folder that the core names by digest does."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

CORE = Path(__file__).parents[2] / "libs" / "mm_core"
# `apply_levels` of book.py reaches `move_window` of window.py, which decides where the window starts.
CALL = """
import numpy as np
from mm_core.book.book import apply_levels, new_book
from mm_core.compiled import CORE_DIGEST
book = new_book(64, 32)
apply_levels(book, 0, np.array([100]), np.array([5]))
print(CORE_DIGEST, int(book["base_rank"][0, 0]), sum(apply_levels.stats.cache_hits.values()))
"""
QUARTERS = "book.base_rank[side] = rank - 3 * (width >> 2)"


def call(libs: Path, cache: Path) -> tuple[str, int, int]:
    """(core digest, start of the window, times it was loaded from the cache) in a new process."""
    environment = {**os.environ, "PYTHONPATH": str(libs), "NUMBA_CACHE_DIR": str(cache), "NUMBA_DISABLE_JIT": "0"}
    done = subprocess.run(
        [sys.executable, "-c", CALL], env=environment, cwd=libs, capture_output=True, text=True, check=True, timeout=120
    )
    digest, base, hits = done.stdout.split()
    return digest, int(base), int(hits)


def test_an_edit_in_a_callee_of_another_file_is_seen_in_spite_of_the_cache(tmp_path: Path) -> None:
    libs, cache = tmp_path / "libs", tmp_path / "cache"
    shutil.copytree(CORE, libs / "mm_core", ignore=shutil.ignore_patterns("__pycache__"))
    (libs / "mm_research").mkdir()  # its sources are part of the folder's name, too
    (libs / "mm_research" / "__init__.py").touch()
    digest, *found = call(libs, cache)
    assert found == [100 - 48, 0]
    assert call(libs, cache) == (digest, 100 - 48, 1), "the second process does not load what the first one compiled"

    window = libs / "mm_core" / "book" / "window.py"
    assert QUARTERS in window.read_text()
    window.write_text(window.read_text().replace(QUARTERS, QUARTERS.replace("3", "2")))
    edited_digest, *found = call(libs, cache)
    assert edited_digest != digest
    assert found == [100 - 32, 0]
