#!/usr/bin/env python3
"""Witan's Raft beside etcd: three members each on this machine, every write synced, clients with one request outstanding each.

    make bench-etcd ROUNDS=5

Needs `etcd` and `etcdctl` (Debian: etcd-server, etcd-client) and installs nothing; where they are absent it says so and exits 0. Each
round measures etcd, then Witan, then Witan with batches, each on a fresh cluster with the machine to itself, so that figures of one
round compare. What is printed are medians over the rounds; the ratio is the median of the rounds' ratios.
"""

import argparse
import contextlib
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

MEMBERS = 3
READY_WITHIN_S = 30


def main():
    args = arguments()
    missing = [tool for tool in ("etcd", "etcdctl") if shutil.which(tool) is None]
    if missing:
        print(f"skipped: {' and '.join(missing)} not found (Debian: apt-get install etcd-server etcd-client)")
        return
    for program, how in ((args.witan, "make build"), (args.load, "cargo build --release --locked -p witan-testnet --example etcd_load")):
        if not os.access(program, os.X_OK):
            sys.exit(f"{program}: no such program; build it with `{how}`, or name it with an option")
    os.makedirs(args.dir, exist_ok=True)
    contenders = {
        "etcd": lambda: measure_etcd(args),
        "witan": lambda: measure_witan(args, 1),
        f"witan, batches of {args.batch}": lambda: measure_witan(args, args.batch),
    }
    rounds = {name: [] for name in contenders}
    for number in range(1, args.rounds + 1):
        for name, measure in contenders.items():
            figures = measure()
            rounds[name].append(figures)
            print(f"round {number}: {name}: {show(figures)}", file=sys.stderr)
    report = summary(args, rounds)
    print(json.dumps(report, indent=2) if args.json else table(report))


def arguments():
    built = os.path.join(os.environ.get("CARGO_TARGET_DIR", "target"), "release")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="medians are of so many (5)")
    parser.add_argument("--for", dest="seconds", type=int, default=15, help="seconds of each measurement (15)")
    parser.add_argument("--clients", type=int, default=256, help="with one request outstanding each (256)")
    parser.add_argument("--value-size", type=int, default=256, help="bytes of each value (256)")
    parser.add_argument("--batch", type=int, default=64, help="transactions in a request of the third contender (64)")
    parser.add_argument("--leader", action="store_true", help="load etcd's leader alone instead of all its members in turn")
    parser.add_argument("--dir", default=".witan", help="where both keep their data: on the disk to be measured (.witan)")
    parser.add_argument("--witan", default=os.path.join(built, "witan"), help="the witan binary")
    parser.add_argument("--load", default=os.path.join(built, "examples", "etcd_load"), help="the load generator for etcd")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    args = parser.parse_args()
    if min(args.rounds, args.seconds, args.clients, args.value_size, args.batch) < 1:
        parser.error("counts, sizes and times are at least 1")
    return args


def measure_witan(args, batch):
    """One run of `witan bench`, which starts and ends a network of its own."""
    command = [args.witan, "--dir", args.dir, "--json", "bench", "-n", str(MEMBERS), "-e", "raft"]
    command += ["--clients", str(args.clients), "--batch", str(batch), "--value-size", str(args.value_size)]
    command += ["--warm-up", "3s", "--for", f"{args.seconds}s"]
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if ran.returncode != 0:
        sys.exit(f"witan bench failed: {ran.stderr[-2000:]}")
    report = json.loads(ran.stdout)
    if report["failed"] or report["lost"] or report["load_ran_out"]:
        print(f"witan: {report['failed']} failed, {report['lost']} lost, ran out: {report['load_ran_out']}", file=sys.stderr)
    return {"per_s": report["tx_per_s"], "requests_per_s": report["requests_per_s"], "p50_ms": report["p50_ms"], "p99_ms": report["p99_ms"]}


def measure_etcd(args):
    """One run of the load generator on a fresh cluster."""
    folder = tempfile.mkdtemp(prefix="etcd-", dir=args.dir)
    try:
        with cluster(folder) as endpoints:
            leader = wait_ready(endpoints)
            loaded = [leader] if args.leader else endpoints
            command = [args.load, "--clients", str(args.clients), "--for", str(args.seconds)]
            command += ["--value-size", str(args.value_size), *loaded]
            report = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return {"per_s": report["puts_per_s"], "requests_per_s": report["puts_per_s"], "p50_ms": report["p50_ms"], "p99_ms": report["p99_ms"]}


@contextlib.contextmanager
def cluster(folder):
    """Members on free ports, with everything else as etcd has it by default, so with its log synced. Ended at the end."""
    ports = free_ports(2 * MEMBERS)
    clients, peers = ports[:MEMBERS], ports[MEMBERS:]
    initial = ",".join(f"m{i}=http://127.0.0.1:{port}" for i, port in enumerate(peers))
    members = []
    try:
        for i, (client, peer) in enumerate(zip(clients, peers)):
            with open(os.path.join(folder, f"m{i}.log"), "w") as log:
                command = ["etcd", "--name", f"m{i}", "--data-dir", os.path.join(folder, f"m{i}"), "--log-level", "error"]
                command += ["--listen-client-urls", f"http://127.0.0.1:{client}", "--advertise-client-urls", f"http://127.0.0.1:{client}"]
                command += ["--listen-peer-urls", f"http://127.0.0.1:{peer}", "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}"]
                command += ["--initial-cluster", initial, "--initial-cluster-state", "new"]
                members.append(subprocess.Popen(command, stdout=log, stderr=log))
        yield [f"127.0.0.1:{port}" for port in clients]
    finally:
        for member in members:
            member.terminate()
        for member in members:
            try:
                member.wait(10)
            except subprocess.TimeoutExpired:
                member.kill()
                member.wait()


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def wait_ready(endpoints):
    """The leader's address, once all members know it."""
    deadline = time.monotonic() + READY_WITHIN_S
    command = ["etcdctl", "--endpoints", ",".join(endpoints), "endpoint", "status", "-w", "json"]
    while time.monotonic() < deadline:
        asked = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ, "ETCDCTL_API": "3"})
        answers = json.loads(asked.stdout) if asked.returncode == 0 else []
        leaders = {answer["Status"].get("leader", 0) for answer in answers}
        if len(answers) == MEMBERS and len(leaders) == 1 and 0 not in leaders:
            leader = leaders.pop()
            return next(answer["Endpoint"] for answer in answers if answer["Status"]["header"]["member_id"] == leader)
        time.sleep(0.1)
    sys.exit(f"etcd did not elect a leader within {READY_WITHIN_S} s")


def summary(args, rounds):
    etcd = rounds["etcd"]
    rows = {}
    for name, figures in rounds.items():
        medians = {key: statistics.median(one[key] for one in figures) for key in figures[0]}
        ratio = statistics.median(one["per_s"] / beside["per_s"] for one, beside in zip(figures, etcd))
        p99_ratio = statistics.median(one["p99_ms"] / beside["p99_ms"] for one, beside in zip(figures, etcd))
        rows[name] = {**medians, "ratio": ratio, "p99_ratio": p99_ratio, "rounds": figures}
    version = subprocess.run(["etcd", "--version"], stdout=subprocess.PIPE, text=True).stdout.splitlines()[0]
    return {
        "etcd_version": version.split(":")[-1].strip(),
        "members": MEMBERS,
        "clients": args.clients,
        "value_bytes": args.value_size,
        "seconds": args.seconds,
        "loaded": "leader" if args.leader else "all members",
        "contenders": rows,
    }


def show(figures):
    return f"{figures['per_s']:.0f}/s, p50 {figures['p50_ms']:.1f} ms, p99 {figures['p99_ms']:.1f} ms"


def table(report):
    lines = [f"{'CONTENDER':<24} {'PUTS/S':>9} {'REQUESTS/S':>11} {'P50 MS':>8} {'P99 MS':>8} {'RATIO':>7} {'P99 RATIO':>10}"]
    for name, row in report["contenders"].items():
        lines.append(
            f"{name:<24} {row['per_s']:>9.0f} {row['requests_per_s']:>11.0f} {row['p50_ms']:>8.1f} {row['p99_ms']:>8.1f} "
            f"{row['ratio']:>7.2f} {row['p99_ratio']:>10.2f}"
        )
    lines.append(
        f"etcd {report['etcd_version']}; {report['members']} members, {report['clients']} clients, {report['value_bytes']}-byte values, "
        f"medians of {len(report['contenders']['etcd']['rounds'])} rounds of {report['seconds']} s; ratios to etcd of the same round"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
