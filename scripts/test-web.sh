#!/bin/sh
# Tests the explorer: a network of four nodes and two groups, and its page driven in a headless Chromium. Takes the network down
# again whatever happens.
#
#   scripts/test-web.sh target/release/witan                      the test; WITAN_SCREENSHOTS=1 puts pictures into docs/images
#   scripts/test-web.sh target/release/witan soak 30m             a page left open under load, and what it takes
set -eu

[ $# = 1 ] || { [ $# = 3 ] && [ "$2" = soak ]; } || { echo "usage: $0 WITAN_BINARY [soak TIME]" >&2; exit 2; }
witan=$(realpath "$1")
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/scripts/clients-node.sh"
web=$root/rpc/tests/web
client=$root/clients/typescript
place=$(mktemp -d)

finish() {
    status=$?
    trap - EXIT
    "$witan" testnet down --dir "$place/net" --name web >"$place/down.log" 2>&1 || true
    [ $status = 0 ] || echo "the explorer's test failed with status $status" >&2
    rm -rf "$place"
    exit $status
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# What is installed is kept until the list of it changes.
for package in "$client" "$web"; do
    if ! cmp -s "$package/package-lock.json" "$package/node_modules/.installed"; then
        (cd "$package" && npm ci --no-audit --no-fund --loglevel=error)
        cp "$package/package-lock.json" "$package/node_modules/.installed"
    fi
done
(cd "$client" && npm run --silent build)
(cd "$web" && npm run --silent check)

"$witan" testnet up -n 4 -s 2 --port-base 0 --detach --dir "$place/net" --name web >"$place/up.log" 2>&1 || { cat "$place/up.log" >&2; exit 1; }
# Two operators agree that groups without work make a block each second, so that verdicts need not wait for long.
for operator in 0 1; do
    "$witan" tx approve --set idleIntervalMs=1000 --from $operator --dir "$place/net" --name web >>"$place/up.log"
done

export WITAN_TESTNET="$place/net/web/testnet.json" WITAN_PICTURES="$place/pictures"
if [ $# = 3 ]; then
    node "$web/soak.mjs" "$3"
else
    cd "$web"
    node --test --test-timeout=150000 --test-reporter=spec explorer.test.mjs
fi
