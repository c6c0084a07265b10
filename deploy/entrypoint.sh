#!/bin/sh
# numba must be able to write where it reads. So the compiled code of the image, which is read-only, is linked into a
# writable folder. On another CPU than the image was built on nothing fits, and it is compiled anew into that folder.
set -eu
mkdir -p "$NUMBA_CACHE_DIR"
cp -rsf /opt/compiled/. "$NUMBA_CACHE_DIR"
exec "$@"
