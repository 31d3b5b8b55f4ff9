"""Results are read from canned files of ctest, GoogleTest and node --test."""

import tempfile
import unittest
from pathlib import Path

from .results import FAILED, PASSED, SKIPPED, read_part

CTEST = """<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="(empty)" tests="6" failures="2" disabled="0" skipped="3" hostname="" time="0" timestamp="2026-01-01T00:00:00">
  <testcase name="on_kvm" classname="on_kvm" time="40.5" status="run"><system-out></system-out></testcase>
  <testcase name="died" classname="died" time="7" status="fail"><failure message=""/>
    <system-out>[ RUN      ] Top.Counts
[       OK ] Top.Counts (10 ms)
[ RUN      ] Top.Keys
lab: the machine's kernel panicked; the command's status is unknown
</system-out></testcase>
  <testcase name="Perf.Installed" classname="Perf.Installed" time="0.1" status="notrun">
    <skipped message="SKIP_REGULAR_EXPRESSION_MATCHED"/><system-out>[ RUN      ] Perf.Installed
a_test.cpp:3: Skipped
perf is not installed

[  SKIPPED ] Perf.Installed (0 ms)
</system-out></testcase>
  <testcase name="pages" classname="pages" time="0.1" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/>
    <system-out>skipped: no browser</system-out></testcase>
  <testcase name="gone" classname="gone" time="0" status="notrun"><skipped message="Unable to find executable"/>
    <system-out></system-out></testcase>
  <testcase name="later" classname="later" time="0" status="disabled"><system-out></system-out></testcase>
  <testcase name="cut_off" classname="cut_off" time="9" status="fail"><failure message=""/><system-out></system-out></testcase>
  <testcase name="panicked" classname="panicked" time="9" status="fail"><failure message=""/>
    <system-out>lab: the machine's kernel panicked; the command's status is unknown</system-out></testcase>
  <testcase name="node" classname="node" time="1" status="run"><system-out></system-out></testcase>
</testsuite>
"""

GOOGLE_TEST = """<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="4" failures="1" disabled="1" errors="0" time="3." name="AllTests">
  <testsuite name="Top" tests="4" failures="1" disabled="1" skipped="1" errors="0" time="3.">
    <testcase name="Counts" status="run" result="completed" time="1.5" classname="Top" />
    <testcase name="Fails" status="run" result="completed" time="0.5" classname="Top">
      <failure message="/x/a_test.cpp:7&#x0A;Expected equality of these values:&#x0A;  1&#x0A;  2" type=""><![CDATA[]]></failure>
    </testcase>
    <testcase name="Skips" status="run" result="skipped" time="0." classname="Top">
      <skipped message="/x/a_test.cpp:9&#x0A;this machine has no kvm_intel&#x0A;"><![CDATA[]]></skipped>
    </testcase>
    <testcase name="DISABLED_Later" status="notrun" result="suppressed" time="0." classname="Top" />
  </testsuite>
</testsuites>
"""

NODE = """<?xml version="1.0" encoding="utf-8"?>
<testsuites>
  <testcase name="a time in ms" time="0.002" classname="test"/>
  <testsuite name="scale" time="0.01" disabled="0" errors="0" tests="1" failures="1" skipped="0">
    <testcase name="zooms" time="0.004" classname="test"><failure type="testCodeFailure" message="1 !== 2">x</failure></testcase>
  </testsuite>
</testsuites>
"""


class ReadPart(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "lab.xml").write_text(CTEST)
            for run, text in (("on_kvm", GOOGLE_TEST), ("panicked", GOOGLE_TEST), ("node", NODE), ("cut_off", NODE[:60])):
                (folder / run).mkdir()
                (folder / run / "program.xml").write_text(text)
            cls.results = {result.name: result for result in read_part("lab", folder / "lab.xml", folder)}

    def expect(self, name, status, detail):
        self.assertEqual((self.results[name].status, self.results[name].detail), (status, detail))

    def test_inner_tests_stand_for_the_program(self):
        self.assertNotIn("on_kvm", self.results)
        self.expect("on_kvm Top.Counts", PASSED, "")
        self.assertEqual(self.results["on_kvm Top.Counts"].seconds, 1.5)

    def test_an_inner_failure_has_its_message(self):
        self.expect("on_kvm Top.Fails", FAILED, "/x/a_test.cpp:7 Expected equality of these values:   1")

    def test_inner_skips_have_their_reason(self):
        self.expect("on_kvm Top.Skips", SKIPPED, "this machine has no kvm_intel")
        self.expect("on_kvm Top.DISABLED_Later", SKIPPED, "disabled")

    def test_a_machine_that_died_names_the_test_that_ran(self):
        self.expect("died", FAILED, "ended in Top.Keys; lab: the machine's kernel panicked; the command's status is unknown")

    def test_an_inner_failure_does_not_hide_what_ended_early(self):
        self.assertIn("panicked Top.Fails", self.results)
        self.expect("panicked", FAILED, "lab: the machine's kernel panicked; the command's status is unknown")

    def test_results_that_are_cut_off_are_a_failure(self):
        self.assertEqual(self.results["cut_off program.xml"].status, FAILED)
        self.assertIn("its results are cut off", self.results["cut_off program.xml"].detail)

    def test_a_disabled_test_of_ctest_did_not_pass(self):
        self.expect("later", SKIPPED, "disabled")

    def test_skips_of_ctest_have_their_reason(self):
        self.expect("Perf.Installed", SKIPPED, "perf is not installed")
        self.expect("pages", SKIPPED, "no browser")

    def test_a_test_that_could_not_run_is_a_failure(self):
        self.expect("gone", FAILED, "not run: Unable to find executable")

    def test_node_writes_cases_with_and_without_a_suite(self):
        self.expect("node a time in ms", PASSED, "")
        self.expect("node scale.zooms", FAILED, "1 !== 2")


if __name__ == "__main__":
    unittest.main()
