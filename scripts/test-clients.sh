#!/bin/sh
# Tests the clients: the TypeScript package with all its tests, the examples of README.md exactly as printed, and the Rust one if its
# binary is named. Starts a network for that, of four nodes and two groups, one of which trusts its members not to lie, and takes it
# down again.
#
#   scripts/test-clients.sh target/release/witan [target/release/examples/hello]
set -eu

[ $# = 1 ] || [ $# = 2 ] || { echo "usage: $0 WITAN_BINARY [HELLO_BINARY]" >&2; exit 2; }
witan=$(realpath "$1")
hello=${2:+$(realpath "$2")}
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/scripts/clients-node.sh"
mkdir -p "$clients_cache"
place=$(mktemp -d)

finish() {
    status=$?
    trap - EXIT
    "$witan" testnet down --dir "$place/.witan" >"$place/down.log" 2>&1 || true
    [ $status = 0 ] || echo "the clients' tests failed with status $status" >&2
    rm -rf "$place"
    exit $status
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# What is installed is kept until the list of it changes.
package=$root/clients/typescript
if ! cmp -s "$package/package-lock.json" "$package/node_modules/.installed"; then
    (cd "$package" && npm ci --no-audit --no-fund --loglevel=error)
    cp "$package/package-lock.json" "$package/node_modules/.installed"
fi
venv=$clients_cache/venv
requirements=$root/clients/python/requirements.txt
(
    flock 9
    if ! cmp -s "$requirements" "$venv/installed"; then
        rm -rf "$venv"
        python3 -m venv "$venv"
        "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$requirements"
        cp "$requirements" "$venv/installed"
    fi
) 9>"$clients_cache/lock"

"$witan" testnet up -n 4 -s 2 --permissioned --group-engines 2=raft -d --port-base 0 --dir "$place/.witan" >"$place/up.log" 2>&1 || { cat "$place/up.log" >&2; exit 1; }

(cd "$package" && WITAN_TESTNET=$place/.witan/local/testnet.json npm test --silent)

# The examples, as somebody would follow README.md: the package that npm packs, in a folder beside the network's.
python3 - "$root/README.md" "$place" <<'EOF'
import re, sys
section = re.search(r"\n## Use it from your language\n(.*?)\n## ", open(sys.argv[1]).read(), re.S)[1]
for language, name in [("js", "example.mjs"), ("python", "example.py")]:
    (code,) = re.findall(rf"\n```{language}\n(.*?)```", section, re.S)
    open(f"{sys.argv[2]}/{name}", "w").write(code)
EOF
cmp "$place/example.py" "$root/clients/python/example.py"
cd "$place"
echo '{"private": true}' >package.json
(cd "$package" && npm pack --silent --pack-destination "$place") >/dev/null
npm install --silent --no-audit --no-fund --prefer-offline ./witan-client-*.tgz

# says PATTERN COMMAND...: the command succeeds, and one line of what it says is of the pattern.
says() {
    pattern=$1
    shift
    said=$("$@")
    echo "$said"
    echo "$said" | grep -qx "$pattern" || { echo "$* did not say: $pattern" >&2; exit 1; }
}
says "hello at height [0-9]* (trust: quorum)" node example.mjs
says "hello [0-9]*" "$venv/bin/python" example.py

# The Rust program that README.md names writes, reads, and follows its transaction to the end.
if [ -n "$hello" ]; then
    node=$(python3 -c 'import json; print(json.load(open(".witan/local/testnet.json"))["nodes"][0]["rpc"])')
    says "0x[0-9a-f]* is committed in block [0-9]*" "$hello" "$node"
    echo "$said" | grep -q "^greeting is .* at version [1-9]" || { echo "it did not read what it wrote" >&2; exit 1; }
    echo "$said" | tail -n 1 | grep -q "sealed: true, applied: true" || { echo "it did not follow to the end" >&2; exit 1; }
fi
