#!/bin/sh
# Installs what the tests of the clients in clients/ need and a fresh Debian machine lacks: npm, Python's venv, and a Node.js
# that is new enough. Debian 12 has Node.js 18, and the libraries that verify signatures need 20.19: there, a Node.js 22 from
# npm goes into the cache below the home directory, for these tests alone. Does nothing where all is there.
set -eu

. "$(dirname "$0")/clients-node.sh"

missing=
command -v npm >/dev/null 2>&1 || missing="nodejs npm"
python3 -c 'import venv, ensurepip' 2>/dev/null || missing="$missing python3-venv"
if [ -n "$missing" ]; then
    if [ "$(id -u)" = 0 ]; then
        sudo=
    elif command -v sudo >/dev/null 2>&1; then
        sudo=sudo
    else
        echo "as root, run: apt-get install $missing" >&2
        exit 1
    fi
    $sudo apt-get update -qq
    # Words, each a package.
    # shellcheck disable=SC2086
    $sudo apt-get install -y -qq --no-install-recommends $missing
fi

if ! node_is_new_enough; then
    mkdir -p "$clients_cache"
    npm install --prefix "$clients_cache" --no-save --no-audit --no-fund --loglevel=error "$node_package@22"
    hash -r
    node_is_new_enough || { echo "Node.js 20.19 or newer is needed, and $(node --version) was found" >&2; exit 1; }
fi
