#!/usr/bin/env python3
"""Writes the Debian package index as lines of {"key": package name, "value": its fields as compact JSON}.

The lines go to standard output, for `witan import`:

    scripts/debian-index.py > packages.jsonl
    witan import packages.jsonl

The index is what `apt-cache dumpavail` prints: this script only reads it, so run `apt-get update` before if it is
empty. Where there is no index, `--generate N` writes N stand-in records of about the same sizes instead, the same
ones every time. Needs nothing but Python 3.8 or later.
"""

import argparse
import json
import random
import subprocess
import sys

FIELDS = (
    "Version", "Architecture", "Section", "Priority", "Installed-Size", "Maintainer", "Source", "Pre-Depends",
    "Depends", "Recommends", "Suggests", "Conflicts", "Breaks", "Replaces", "Provides", "Description", "Homepage",
    "Size", "SHA256",
)
NUMBERS = ("Installed-Size", "Size")
STAND_IN_RECORDS = 63_000
OVERSIZE_VALUE_BYTES = 70_000


def stanzas(lines):
    """The stanzas of a Debian control file, each a dictionary of field to text; folded lines are joined."""
    fields, name = {}, None
    for line in lines:
        line = line.rstrip("\n")
        if not line.strip():
            if fields:
                yield fields
            fields, name = {}, None
        elif line[0] in " \t":
            if name is not None:
                fields[name] += " " + line.strip()
        else:
            name, _, text = line.partition(":")
            fields[name] = text.strip()
    if fields:
        yield fields


def record(fields):
    """The chosen fields of a stanza, numbers as numbers."""
    chosen = {}
    for name in FIELDS:
        if name in fields:
            text = fields[name]
            chosen[name] = int(text) if name in NUMBERS and text.isdigit() else text
    return chosen


def index(lines):
    """Package name to record. Of a name that comes more than once, the last stanza counts."""
    packages = {}
    for fields in stanzas(lines):
        if fields.get("Package"):
            packages[fields["Package"]] = record(fields)
    return packages


def stand_in(count, oversize):
    """Package name to record, made up: the same for the same arguments, on every machine and Python version."""
    # Only random() is promised to give the same sequence in every version of Python.
    draw = random.Random("witan stand-in").random
    packages = {}
    for number in range(count):
        name = "lib%s%d" % (_word(draw), number)
        fields = {
            "Version": "%d.%d.%d-%d" % tuple(int(draw() * 20) for _ in range(4)),
            "Architecture": "amd64" if draw() < 0.6 else "all",
            "Section": "libs" if draw() < 0.5 else "utils",
            "Priority": "optional",
            "Installed-Size": int(10 ** (1 + 4 * draw())),
            "Maintainer": "%s <%s@example.org>" % (_word(draw).title(), _word(draw)),
            # Dependencies are what makes the sizes of real records so uneven: most have a few, some hundreds.
            "Depends": ", ".join("lib%s (>= %d)" % (_word(draw), int(draw() * 9)) for _ in range(_few(draw))),
            "Description": " ".join(_word(draw) for _ in range(4 + int(draw() * 6))),
            "Homepage": "https://example.org/%s" % _word(draw),
            "Size": int(10 ** (3 + 4 * draw())),
            "SHA256": "".join("%x" % int(draw() * 16) for _ in range(64)),
        }
        packages[name] = fields
    for number in range(oversize):
        packages["oversize-%d" % number] = {"Description": "x" * OVERSIZE_VALUE_BYTES}
    return packages


def _few(draw):
    """A number with many small values and a few large ones: the median about 4, the most about 200."""
    return int(2.0 / (draw() + 0.01))


def _word(draw):
    return "".join("abcdefghijklmnopqrstuvwxyz"[int(draw() * 26)] for _ in range(3 + int(draw() * 8)))


def write(packages, out):
    """One line a record, ascending by key."""
    for name in sorted(packages):
        value = json.dumps(packages[name], ensure_ascii=False, separators=(",", ":"))
        out.write(json.dumps({"key": name, "value": value}, ensure_ascii=False, separators=(",", ":")) + "\n")


def dump_available():
    """The records of this machine's package index; none if there is no apt."""
    try:
        process = subprocess.Popen(["apt-cache", "dumpavail"], stdout=subprocess.PIPE)
    except FileNotFoundError:
        return {}
    with process:
        return index(line.decode("utf-8", "replace") for line in process.stdout)


def positive(text):
    """An argument that counts something."""
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("expected a count, got %s" % text)
    return number


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generate", metavar="N", type=positive, help="write N stand-in records, reading no index")
    parser.add_argument("--or-generate", action="store_true",
                        help="write %d stand-in records if there is no index" % STAND_IN_RECORDS)
    parser.add_argument("--oversize", metavar="N", type=positive, default=0,
                        help="with stand-in records, N more whose value is above 64 KiB")
    options = parser.parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", newline="\n")

    count, packages = options.generate, {}
    if count is None:
        packages = dump_available()
        if not packages and not options.or_generate:
            sys.exit("debian-index: apt-cache knows no packages. Run `apt-get update`, or give --generate %d "
                     "for a stand-in." % STAND_IN_RECORDS)
        count = STAND_IN_RECORDS
    if not packages:
        print("debian-index: a made-up stand-in of %d records, not the Debian index" % count, file=sys.stderr)
        packages = stand_in(count, options.oversize)
    write(packages, sys.stdout)
    print("debian-index: %d records" % len(packages), file=sys.stderr)


if __name__ == "__main__":
    main()
