#!/bin/sh
# numba must be able to write where it reads. So the compiled code of the image, which is read-only, is linked into a
# writable folder. It is for the level of CPU that NUMBA_CPU_NAME names; a CPU without it is refused by the program.
set -eu
mkdir -p "$NUMBA_CACHE_DIR"
cp -rsf /opt/compiled/. "$NUMBA_CACHE_DIR"
exec "$@"
