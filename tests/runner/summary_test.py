"""The summary: what is printed and when the run fails."""

import tempfile
import unittest
from pathlib import Path

from .results import FAILED, PASSED, SKIPPED, Result
from .summary import Part, lines


def lab(run, test, status, seconds=1.0, detail=""):
    return Result("lab", run, test, status, seconds, detail)


def printed(results, boots="", whole=False, problem=""):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "boots"
        file.write_text(boots)
        out, good = lines([Part("lab", 61, 5, problem, results)], file, whole)
    return "\n".join(out), good


class Summary(unittest.TestCase):
    def test_the_last_line_counts_everything(self):
        text, good = printed([lab("a", "A.1", PASSED), lab("a", "A.2", SKIPPED, 0, "no perf")])
        self.assertTrue(good)
        self.assertTrue(text.endswith("\n1 passed, 0 failed, 1 skipped"))
        self.assertIn("lab:   ok, 1 passed, 0 failed, 1 skipped (61 s; build 5 s)", text)

    def test_skips_are_grouped_by_reason_and_named(self):
        text, _ = printed([lab("a", f"A.{i}", SKIPPED, 0, "no perf") for i in range(3)])
        self.assertIn("  3 x no perf\n      a A.0\n      a A.1\n      a A.2", text)

    def test_a_failure_is_named_and_fails_the_run(self):
        text, good = printed([lab("a", "A.1", FAILED, 1, "ended in X")])
        self.assertFalse(good)
        self.assertIn("  lab: a A.1: ended in X", text)

    def test_the_slowest_ten_are_printed_slowest_first(self):
        text, _ = printed([lab("a", f"A.{i}", PASSED, i) for i in range(12)])
        slowest = text[text.index("slowest") :].splitlines()[1:11]
        self.assertEqual([line.split("A.")[1] for line in slowest], [str(i) for i in range(11, 1, -1)])

    def test_a_part_that_did_not_run_fails_the_run(self):
        text, good = printed([], problem="NOT RUN, the build failed")
        self.assertFalse(good)
        self.assertIn("lab: NOT RUN, the build failed", text)
        self.assertTrue(text.endswith("0 passed, 1 failed, 0 skipped"))

    def test_a_test_that_each_run_skips_fails_a_whole_run(self):
        results = [lab("a", "A.1", SKIPPED, 0, "no"), lab("b", "A.1", SKIPPED, 0, "no"), lab("a", "A.2", SKIPPED), lab("b", "A.2", PASSED)]
        text, good = printed(results, whole=True)
        self.assertFalse(good)
        self.assertIn("lab: A.1 was skipped in each run", text)
        self.assertNotIn("A.2 was skipped", text)
        self.assertTrue(printed(results, whole=False)[1])

    def test_a_whole_run_in_which_no_machine_was_counted_fails(self):
        text, good = printed([lab("a", "A.1", PASSED)], whole=True)
        self.assertFalse(good)
        self.assertIn("no machine was counted", text)
        self.assertTrue(printed([lab("a", "A.1", PASSED)], boots="booted amd 6.12 4\n", whole=True)[1])

    def test_boots_are_counted(self):
        text, good = printed([lab("a", "A.1", PASSED)], boots="booted amd 6.12 4\n" * 49 + "failed amd 6.12 90\n")
        self.assertTrue(good)
        self.assertIn("boots: 50 boots, 1 did not boot\n  failed amd 6.12 90", text)

    def test_more_than_one_failed_boot_in_fifty_fails_the_run(self):
        text, good = printed([lab("a", "A.1", PASSED)], boots="booted amd 6.12 4\n" * 48 + "failed amd 6.12 90\n" * 2)
        self.assertFalse(good)
        self.assertIn("more than one boot in 50 failed", text)


if __name__ == "__main__":
    unittest.main()
