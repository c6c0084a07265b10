"""The CPU that code is compiled for: what this one does not have is refused in one line."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from llvmlite import binding

from mm_core.cpu import LEVELS, check_cpu, target
from mm_core.types import InputError

HASWELL = dict.fromkeys(LEVELS["x86-64-v3"], True) | {"avx512f": False}
Host = Callable[[str, dict[str, bool]], None]


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Host:
    """Make LLVM see another CPU."""

    def set_host(name: str, features: dict[str, bool]) -> None:
        monkeypatch.setattr(binding, "get_host_cpu_name", lambda: name)
        monkeypatch.setattr(binding, "get_host_cpu_features", lambda: features)

    return set_host


@pytest.mark.parametrize("name", [None, "generic", "haswell", "x86-64", "x86-64-v2", "x86-64-v3"])
def test_what_the_cpu_has_is_taken(host: Host, name: str | None) -> None:
    host("haswell", HASWELL)
    check_cpu(name)


def test_a_level_that_it_lacks_is_refused_with_what_is_missing(host: Host) -> None:
    host("haswell", HASWELL)
    with pytest.raises(InputError, match=r"x86-64-v4: this CPU \(haswell\) lacks avx512bw, avx512cd, .*; expected"):
        check_cpu("x86-64-v4")


@pytest.mark.parametrize("feature", LEVELS["x86-64-v3"])
def test_each_feature_of_a_level_counts(host: Host, feature: str) -> None:
    host("haswell", HASWELL | {feature: False})
    with pytest.raises(InputError, match=f"lacks {feature};"):
        check_cpu("x86-64-v3")


def test_a_cpu_of_another_kind_has_no_level(host: Host) -> None:
    host("neoverse-n1", {"neon": True})
    check_cpu("generic")
    with pytest.raises(InputError, match="lacks sse2"):
        check_cpu("x86-64")


@pytest.mark.parametrize("name", ["", "znver9", "x86-64-v5"])
def test_a_name_whose_features_are_not_known_is_refused(host: Host, name: str) -> None:
    host("haswell", HASWELL)
    with pytest.raises(InputError, match=rf"NUMBA_CPU_NAME={name}: expected one of x86-64, .* or this CPU's haswell"):
        check_cpu(name)


def test_the_target_names_what_code_is_for(host: Host) -> None:
    host("haswell", HASWELL)
    triple = binding.get_process_triple()
    assert target(None, None) == f"{triple} haswell"
    assert target("x86-64-v3", "") == f"{triple} x86-64-v3"
    assert target("x86-64-v3", "-fma") == f"{triple} x86-64-v3 -fma"


@pytest.mark.parametrize("program", [["mm_cli", "--version"], ["mm_services.quoter"]], ids=lambda program: program[0])
def test_a_program_ends_with_one_line(program: list[str]) -> None:
    environment = os.environ | {"NUMBA_CPU_NAME": "bonnell"}
    command = [sys.executable, "-m", *program]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert done.stderr.startswith("error: NUMBA_CPU_NAME=bonnell: expected one of ")
    assert done.stderr.count("\n") == 1


FLOATS = """
import re
from mm_core.exchange.queue import share_behind
from mm_core.quoting.avellaneda_stoikov import half_spread_ticks, reservation_ticks
share_behind(3, 2.5, 0.1, 5.0, 7.0)
half_spread_ticks(0.1, 0.2, 0.3, 0.4)
reservation_ticks(1.0, 2.0, 3.0, 4.0, 5.0)
for function in (share_behind, half_spread_ticks, reservation_ticks):
    for code in function.inspect_asm().values():
        print(len(re.findall("vmulsd", code)) > 0, len(re.findall(r"vfn?m(?:add|sub)", code)))
"""


@pytest.mark.skipif("x86_64" not in binding.get_process_triple(), reason="of another processor")
def test_no_product_and_sum_are_fused_where_the_cpu_could(tmp_path: Path) -> None:
    level = {"NUMBA_CPU_NAME": "x86-64-v3", "NUMBA_CACHE_DIR": str(tmp_path), "NUMBA_DISABLE_JIT": "0"}
    command = [sys.executable, "-c", FLOATS]
    done = subprocess.run(command, env=os.environ | level, capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == "True 0\n" * 3
