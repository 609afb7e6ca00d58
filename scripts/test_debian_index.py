"""The package index becomes one line a package; the stand-in is the same every time. Run: python3 -m unittest."""

import contextlib
import importlib.util
import io
import json
import pathlib
import unittest

PATH = pathlib.Path(__file__).with_name("debian-index.py")
SPEC = importlib.util.spec_from_file_location("debian_index", PATH)
debian_index = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(debian_index)

DUMP = """\
Package: zlib
Version: 1.0
Installed-Size: 12
Description: compression
 in two lines
Unwanted: field

Package: apt
Version: 2.0
Installed-Size: many

Package: zlib
Version: 1.1
"""


def lines(packages):
    out = io.StringIO()
    debian_index.write(packages, out)
    return out.getvalue()


class DebianIndex(unittest.TestCase):
    def test_each_package_is_a_line_with_its_chosen_fields(self):
        packages = debian_index.index(DUMP.split("\n\n")[0].splitlines())
        self.assertEqual(packages, {"zlib": {
            "Version": "1.0", "Installed-Size": 12, "Description": "compression in two lines"}})

    def test_lines_are_sorted_and_of_a_name_that_comes_twice_the_last_counts(self):
        records = [json.loads(line) for line in lines(debian_index.index(DUMP.splitlines())).splitlines()]
        self.assertEqual([record["key"] for record in records], ["apt", "zlib"])
        self.assertEqual(json.loads(records[1]["value"]), {"Version": "1.1"})
        self.assertEqual(json.loads(records[0]["value"])["Installed-Size"], "many")

    def test_the_stand_in_is_the_same_every_time_and_of_the_sizes_of_the_index(self):
        made = lines(debian_index.stand_in(5_000, 0))
        self.assertEqual(made, lines(debian_index.stand_in(5_000, 0)))
        sizes = sorted(len(json.loads(line)["value"].encode()) for line in made.splitlines())
        self.assertEqual(len(sizes), 5_000)
        self.assertTrue(300 < sizes[len(sizes) // 2] < 700, sizes[len(sizes) // 2])
        self.assertTrue(sizes[-1] < 64 * 1024)

    def test_oversize_records_are_above_the_limit_of_a_value(self):
        records = [json.loads(line) for line in lines(debian_index.stand_in(10, 2)).splitlines()]
        self.assertEqual(sum(len(record["value"]) > 64 * 1024 for record in records), 2)

    def test_a_stand_in_is_said_to_be_one(self):
        out, said = io.TextIOWrapper(io.BytesIO()), io.TextIOWrapper(io.BytesIO())
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(said):
            debian_index.main(["--generate", "3"])
        said.seek(0)
        self.assertIn("not the Debian index", said.read())
        out.seek(0)
        self.assertEqual(len(out.read().splitlines()), 3)


if __name__ == "__main__":
    unittest.main()
