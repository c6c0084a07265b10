"""The CPU that code is compiled for: this one, or a level that others have too, named by NUMBA_CPU_NAME.

The levels are those of the x86-64 psABI: v2 is common since 2009, v3 (AVX2, FMA) since 2013. Code for a level runs on
every CPU that has it, and on those only: on another one the process would be killed at an unknown instruction.
"""

import platform

from llvmlite import binding

from mm_core.types import InputError

GENERIC = "generic"
_V1 = ("sse2",)
_V2 = (*_V1, "crc32", "cx16", "popcnt", "sahf", "sse3", "sse4.1", "sse4.2", "ssse3")
_V3 = (*_V2, "avx", "avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe")
LEVELS: dict[str, tuple[str, ...]] = {
    "x86-64": _V1,
    "x86-64-v2": _V2,
    "x86-64-v3": _V3,
    "x86-64-v4": (*_V3, "avx512bw", "avx512cd", "avx512dq", "avx512f", "avx512vl"),
}


def target(name: str | None, features: str | None) -> str:
    """What LLVM compiles for, as text: the CPU of that name, or this one."""
    parts = (binding.get_process_triple(), name or binding.get_host_cpu_name(), features or "")
    return " ".join(part for part in parts if part)


def c_library() -> str:
    """The library that computes powers and logarithms, and whether by fused multiply-add: see README.md, Floats."""
    fused = "with" if binding.get_host_cpu_features().get("fma") else "without"
    return f"{' '.join(platform.libc_ver()).strip() or platform.system()} {fused} FMA"


def check_cpu(name: str | None) -> None:
    """InputError unless this CPU runs what is compiled for the CPU of that name; None: for this one."""
    host = binding.get_host_cpu_name()
    if name is None or name in (GENERIC, host):
        return
    if name not in LEVELS:
        raise InputError(f"NUMBA_CPU_NAME={name}: expected one of {', '.join(LEVELS)}, {GENERIC} or this CPU's {host}")
    has = binding.get_host_cpu_features()
    missing = [feature for feature in LEVELS[name] if not has.get(feature)]
    if missing:
        raise InputError(
            f"NUMBA_CPU_NAME={name}: this CPU ({host}) lacks {', '.join(missing)}; expected a level that it has, or "
            f"{GENERIC}, for which all is compiled anew"
        )
