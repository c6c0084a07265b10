"""How decision code is compiled: three decorators, one constructor for state, and where compiled code is cached.

numba's cache on disk does not notice an edit in a callee that lives in another file, so its folder is named by a
digest of the compiled sources, the versions of numba and llvmlite, and the CPU. It is set here, before the first
function is compiled. `NUMBA_DISABLE_JIT=1` runs the same code as plain Python, `NUMBA_CPU_NAME` compiles for another
CPU than this one: see `mm_core.cpu`.
"""

import hashlib
from collections.abc import Callable
from typing import Any, TypeVar

import llvmlite
import numba
import numpy as np
from numba.core import config
from numba.misc.appdirs import user_cache_dir

from mm_core.cpu import c_library, target
from mm_core.digest import sources_digest

# What compiled functions take has no static type: a record of a structured array, an array, a strategy (terms, top).
Record = Any
Array = np.ndarray[Any, Any]
Strategy = Callable[[Any, Any], None]

# NumPy's int64, declared to the type checker as an int. Constants that compiled functions are called with
# are made by it: for every plain literal argument numba compiles a function anew.
int64: Callable[[Any], int] = np.int64  # type: ignore[assignment]

F = TypeVar("F", bound=Callable[..., Any])
JIT = not config.DISABLE_JIT
# What decides, compiled or not. With equal digests, configuration and root events every decision is the same.
CORE_DIGEST = sources_digest("mm_core")

if config.CPU_NAME is not None and config.CPU_FEATURES is None:
    config.CPU_FEATURES = ""  # those of the CPU that is named; numba would add those of this one
# What makes code of the sources, and besides what the last bit of a float may depend on.
COMPILER = f"numba {numba.__version__}, llvmlite {llvmlite.__version__}, {target(config.CPU_NAME, config.CPU_FEATURES)}"
PLATFORM = f"{COMPILER}, {c_library()}"
# Compiled functions of other modules call only each other and these.
_KEY = f"{CORE_DIGEST} {sources_digest('mm_research.engine')} {COMPILER}"
_FOLDER = config.CACHE_DIR or user_cache_dir("crypto-mm")
config.CACHE_DIR = f"{_FOLDER}/{hashlib.sha256(_KEY.encode()).hexdigest()[:16]}"

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
