"""The same parity without the JIT: the code is plain Python then, and decides the same."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mm_core.compiled import JIT

SIZES = {"PARITY_EXAMPLES": "40", "PARITY_SECONDS": "2", "PARITY_ROWS": "5000"}
TESTS = ["tests/parity/test_generated.py", "tests/parity/test_recorded.py", "tests/golden"]


@pytest.mark.skipif(not JIT, reason="this process runs without the JIT already")
def test_nodes_and_loop_decide_the_same_without_the_jit(pytestconfig: pytest.Config) -> None:
    root = pytestconfig.rootpath
    paths = os.pathsep.join([str(root / "libs"), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | SIZES | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": paths}
    arguments = ["-q", "-p", "no:cacheprovider", *[str(Path(root, test)) for test in TESTS]]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout
    assert "passed" in run.stdout
