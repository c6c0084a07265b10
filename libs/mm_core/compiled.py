"""How decision code is compiled: two decorators, one constructor for state, one digest of the sources.

numba's cache on disk does not notice an edit in a callee that lives in another file, so its folder is named by a
digest of every compiled source, the versions of numba and llvmlite, and the CPU. It is set here, before the first
function is compiled. `NUMBA_DISABLE_JIT=1` runs the same code as plain Python.
"""

import hashlib
import importlib.util
import pkgutil
from collections.abc import Callable, Iterator
from importlib.machinery import ModuleSpec
from typing import Any, TypeVar

import llvmlite
import numba
import numpy as np
from numba.core import config
from numba.misc.appdirs import user_cache_dir

# What compiled functions take has no static type: a record of a structured array, an array, a strategy (terms, top).
Record = Any
Array = np.ndarray[Any, Any]
Strategy = Callable[[Any, Any], None]

# NumPy's int64, told to the type checker as the int that it is to us. Constants that compiled functions are called with
# are made by it: for every plain literal argument numba compiles a function anew.
int64: Callable[[Any], int] = np.int64  # type: ignore[assignment]

F = TypeVar("F", bound=Callable[..., Any])
JIT = not config.DISABLE_JIT
# The packages that hold compiled functions. Only the first one decides; the second runs it over columns.
COMPILED_PACKAGES = ("mm_core", "mm_research")


def _sources(spec: ModuleSpec | None) -> Iterator[tuple[str, bytes]]:
    """Yield (module name, source) of a module and everything below it, in name order."""
    if spec is None or spec.loader is None or spec.origin is None:
        return
    yield spec.name, spec.loader.get_data(spec.origin)  # type: ignore[attr-defined]  # every file loader has it
    for module in sorted(pkgutil.iter_modules(spec.submodule_search_locations or []), key=lambda m: m.name):
        found = module.module_finder.find_spec(module.name, None)
        for name, source in _sources(found):
            yield f"{spec.name}.{name}", source


def sources_digest(*packages: str) -> str:
    """SHA-256 of all sources of the packages, numba, llvmlite and the CPU: equal digests compile to equal code."""
    sha = hashlib.sha256(f"{numba.__version__} {llvmlite.__version__} {CPU}".encode())
    for package in packages:
        for name, source in _sources(importlib.util.find_spec(package)):
            sha.update(f"\n{name} {len(source)}\n".encode())
            sha.update(source)
    return sha.hexdigest()


def _cpu() -> str:
    from llvmlite import binding  # here: it loads LLVM, which the JIT-off mode does not need

    return f"{binding.get_process_triple()} {binding.get_host_cpu_name()}"


CPU = _cpu()
CORE_DIGEST = sources_digest("mm_core")
config.CACHE_DIR = f"{config.CACHE_DIR or user_cache_dir('crypto-mm')}/{sources_digest(*COMPILED_PACKAGES)[:16]}"

_OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy", "boundscheck": True}
# A handler: called event by event from Python, and from the compiled loop.
compiled: Callable[[F], F] = numba.njit(**_OPTIONS)
# A step of every row or every decision, inlined into its caller: faster there, and slower to compile everywhere.
hot: Callable[[F], F] = numba.njit(**_OPTIONS, inline="always")
# For a loop whose every index is bounded by its own conditions, shown beside it: no checks (6 % of a backtest).
in_bounds: Callable[[F], F] = numba.njit(**(_OPTIONS | {"boundscheck": False}))

if not JIT:
    # Hashes wrap on purpose and 0/0 has a value: silently when compiled, with a warning in plain NumPy.
    np.seterr(over="ignore", divide="ignore", invalid="ignore")


def new(dtype: np.dtype[Any], count: int = 1) -> np.ndarray[Any, Any]:
    """A zeroed array of `count` records: what every handler takes as its state, as `state[0]`.

    Without the JIT, records must be `recarray` views for `state[0].field`; with it they must not be.
    """
    state = np.zeros(count, dtype)
    return state if JIT else state.view(np.recarray)
