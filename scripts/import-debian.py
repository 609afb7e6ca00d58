#!/usr/bin/env python3
"""Loads this machine's Debian package index into a local network of four validators, and checks what came out.

    scripts/import-debian.py target/release/witan

Makes the index (or, where there is none, a stand-in of the same size, and says so), starts a network on free ports in
a temporary folder, imports, waits until all nodes report the same height, block id and state root, stops the network,
and has `witan verify` judge the proofs of 100 random keys by the genesis file alone, and refuse a tampered one. Ends
with the figures; exits 1 if anything is not as it should be. Needs nothing but Python 3.8 or later.
"""

import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time

MAX_VALUE_BYTES = 64 * 1024
OVERSIZE = 5
PROVED = 100
AGREE_WITHIN_S = 60


class Network:
    """A network of this binary in a folder."""

    def __init__(self, binary, folder):
        self.binary, self.folder = binary, folder

    def run(self, *arguments):
        """A command's JSON document; its remarks and progress go to the terminal."""
        return json.loads(self._run(arguments, check=True).stdout)

    def accepts(self, document):
        """Whether `witan verify` takes this document, by the genesis file alone."""
        path = self.folder / "proof.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        arguments = ("verify", str(path), "--genesis", str(self.folder / "local" / "genesis.json"))
        return self._run(arguments, check=False, stderr=subprocess.DEVNULL).returncode == 0

    def _run(self, arguments, **options):
        command = [self.binary, *arguments, "--json", "--dir", str(self.folder)]
        return subprocess.run(command, stdout=subprocess.PIPE, encoding="utf-8", **options)


def make_file(folder):
    """The file to import, with some records more whose value is too large; its right records; how many are wrong."""
    script = pathlib.Path(__file__).with_name("debian-index.py")
    path = folder / "packages.jsonl"
    with path.open("w", encoding="utf-8") as out:
        subprocess.run([sys.executable, str(script), "--or-generate"], stdout=out, check=True)
    with path.open("a", encoding="utf-8") as out:
        for number in range(OVERSIZE):
            out.write(json.dumps({"key": "oversize-%d" % number, "value": "x" * (MAX_VALUE_BYTES + 1)}) + "\n")
    with path.open(encoding="utf-8") as lines:
        records = {record["key"]: record["value"] for record in map(json.loads, lines)}
    right = {key: value for key, value in records.items() if len(value.encode()) <= MAX_VALUE_BYTES}
    return path, right, len(records) - len(right)


def agreement(network):
    """What all nodes report alike: height, block id, state root, sealed."""
    deadline = time.monotonic() + AGREE_WITHIN_S
    while True:
        nodes = network.run("testnet", "status")
        groups = [next(group for group in node["status"]["groups"] if group["group"] == 1) for node in nodes]
        points = {(group["height"], group["blockId"], group["stateRoot"], group["sealedHeight"]) for group in groups}
        if len(points) == 1:
            return points.pop()
        if time.monotonic() > deadline:
            sys.exit("the nodes don't agree: %s" % points)
        time.sleep(0.2)


def check(condition, what):
    if not condition:
        sys.exit("not as it should be: %s" % what)


def prove(network, records):
    """Proofs of random keys, asked of each node in turn."""
    nodes = network.run("testnet", "status")
    proofs = []
    for number, key in enumerate(random.sample(sorted(records), PROVED)):
        rpc = nodes[number % len(nodes)]["rpc"]
        proof = network.run("state", "get", key, "--prove", "--rpc", rpc)
        check(proof["value"] == records[key], "the value of %s" % key)
        proofs.append(proof)
    return proofs


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: import-debian.py PATH-OF-WITAN")
    with tempfile.TemporaryDirectory(prefix="witan-import-") as name:
        folder = pathlib.Path(name)
        network = Network(sys.argv[1], folder)
        path, records, oversize = make_file(folder)
        network.run("testnet", "up", "--detach", "--port-base", "0")
        try:
            counts = network.run("import", str(path))
            check(counts["loaded"] == len(records), "%d records, %s" % (len(records), counts))
            check(counts["rejectedByReason"] == {"VALUE_TOO_LARGE": oversize}, counts)
            height, block_id, state_root, sealed = agreement(network)
            proofs = prove(network, records)
        finally:
            network.run("testnet", "down")
        for proof in proofs:
            check(network.accepts(proof), "the proof of %s" % proof["key"])
        check(not network.accepts({**proofs[0], "value": "tampered"}), "a tampered proof is accepted")
        print(json.dumps(counts, indent=2))
        print("all nodes: height %d (sealed %d), block %s, state root %s" % (height, sealed, block_id, state_root))
        print("%d proofs verified offline, a tampered one refused" % len(proofs))


if __name__ == "__main__":
    main()
