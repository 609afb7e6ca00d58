#!/bin/sh
# Installs what RocksDB's bindings need and a fresh Debian machine lacks: libclang with its headers. Does nothing if it
# is there, and never touches anything else.
set -eu

if [ -n "${LIBCLANG_PATH:-}" ]; then exit 0; fi
for library in /usr/lib/llvm-*/lib/libclang*.so* /usr/lib/*/libclang*.so*; do
    if [ -e "$library" ] && ls -d /usr/lib/llvm-*/lib/clang/*/include /usr/lib/clang/*/include >/dev/null 2>&1; then
        exit 0
    fi
done

# The version of Debian's default clang, e.g. 14 on Debian 12.
install() {
    apt-get update -qq
    version=$(apt-cache depends libclang-dev 2>/dev/null | sed -n 's/.*Depends: libclang-\([0-9]*\)-dev.*/\1/p' | head -n 1)
    version=${version:-14}
    apt-get install -y -qq --no-install-recommends "libclang1-$version" "libclang-common-$version-dev"
}

if [ "$(id -u)" = 0 ]; then
    install
elif command -v sudo >/dev/null 2>&1; then
    sudo sh "$0"
else
    echo "libclang is missing: as root, run: apt-get install libclang1-14 libclang-common-14-dev" >&2
    exit 1
fi
