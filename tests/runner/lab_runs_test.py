"""Selection by pattern, and the gaps that tests/lab/coverage must find, on a program that lists tests as GoogleTest does."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from . import lab_runs

# Filters: one name or *.
PROGRAM = """#!/bin/sh
filter=${2#--gtest_filter=}
echo 'Running main() from gtest_main.cc'
case $filter in
'*') printf 'Top.\\n  Counts\\n  Keys\\nPaths/Every.\\n  Ends/hvm  # GetParam() = "hvm"\\n' ;;
Top.[CK]*) printf 'Top.\\n  %s\\n' "${filter#Top.}" ;;
esac
"""
COVERAGE = Path(__file__).resolve().parents[1] / "lab" / "coverage"


class LabRuns(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.program = Path(folder.name) / "tests"
        self.program.write_text(PROGRAM)
        self.program.chmod(0o755)
        self.table = Path(folder.name) / "runs.tsv"

    def write(self, *rows):
        self.table.write_text("".join(f"{name}\t{when}\t{self.program}\t{test_filter}\n" for name, when, test_filter in rows))

    def coverage(self):
        return subprocess.run([sys.executable, COVERAGE, self.table, self.program], capture_output=True, text=True)

    def test_the_list_has_suites_and_parameters(self):
        self.assertEqual(lab_runs.list_tests(self.program), ["Top.Counts", "Top.Keys", "Paths/Every.Ends/hvm"])

    def test_a_pattern_selects_inner_tests(self):
        self.write(("on_kvm", "ci", "*"), ("other", "ci", "Top.Counts"))
        chosen = lab_runs.narrowed(lab_runs.read(self.table), r"Keys|hvm$")
        self.assertEqual(chosen, {"on_kvm": {"tests": "Top.Keys:Paths/Every.Ends/hvm"}})

    def test_a_pattern_selects_a_whole_run_by_its_name(self):
        self.write(("on_kvm", "ci", "*"), ("other", "ci", "Top.Counts"))
        self.assertEqual(lab_runs.narrowed(lab_runs.read(self.table), "^other$"), {"other": {}})

    def test_full_coverage_is_good(self):
        self.write(("on_kvm", "ci", "*"))
        self.assertEqual(self.coverage().returncode, 0)

    def test_a_test_that_no_run_of_ci_has_is_named(self):
        self.write(("a", "ci", "Top.Counts"), ("b", "ci", "Top.Keys"), ("everything", "long", "*"))
        result = self.coverage()
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stdout, "tests: no run of CI has the test Paths/Every.Ends/hvm\n")

    def test_a_filter_that_matches_nothing_is_named(self):
        self.write(("on_kvm", "ci", "*"), ("stale", "ci", "Gone.*"))
        result = self.coverage()
        self.assertEqual(result.returncode, 1)
        self.assertIn("stale: Gone.* in its filter matches no test", result.stdout)


if __name__ == "__main__":
    unittest.main()
