"""Test results: JUnit files of ctest, GoogleTest and node --test as one list."""

import re
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import ParseError

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"

# What ctest writes for a test that asked to be skipped. Other tests that it did not run are failures: a program that is
# missing, a fixture that failed.
WANTED_SKIP = re.compile(r"SKIP_(RETURN_CODE|REGULAR_EXPRESSION)")


@dataclass
class Result:
    part: str  # "lab"
    run: str  # name in ctest: "on_kvm_6.12"
    test: str  # "Top.EveryExit", or the name in ctest for a program that has no results of its own
    status: str
    seconds: float = 0.0
    detail: str = ""  # reason of a skip, message of a failure

    @property
    def name(self):
        return self.run if self.run == self.test else f"{self.run} {self.test}"


def read_part(part, ctest_file, inner_folder):
    """Results of one ctest run. inner_folder/RUN/*.xml holds what the programs that RUN started reported."""
    results = []
    for case in cases_of(ctest_file):
        outer = Result(part, case.name, case.name, *verdict_of_ctest(case))
        inner = read_inner(part, case.name, Path(inner_folder) / case.name)
        if not inner:
            results.append(outer)
            continue
        results += inner
        if outer.status == FAILED and (ended_early(case.system_out or "") or all(one.status != FAILED for one in inner)):
            results.append(outer)
    return results


def read_inner(part, run, folder):
    results = []
    for file in sorted(folder.glob("*.xml")):
        try:
            cases = suites_of(file)
        except ParseError as error:
            results.append(Result(part, run, file.name, FAILED, detail=f"its results are cut off: {error}"))
            continue
        for suite, case in cases:
            test = f"{suite}.{case.name}" if suite else case.name
            results.append(Result(part, run, test, *verdict_of_program(case)))
    return results


def verdict_of_ctest(case):
    output = case.system_out or ""
    for result in case.result:
        if isinstance(result, Skipped):
            if WANTED_SKIP.search(result.message or ""):
                return SKIPPED, case.time or 0, skip_reason(output)
            return FAILED, case.time or 0, f"not run: {result.message}"
        if isinstance(result, (Failure, Error)):
            return FAILED, case.time or 0, where_it_ended(output)
    if case._elem.get("status") == "disabled":
        return SKIPPED, 0, "disabled"
    return PASSED, case.time or 0, ""


def verdict_of_program(case):
    for result in case.result:
        if isinstance(result, (Failure, Error)):
            return FAILED, case.time or 0, first_line(result.message or result.text)
    for result in case.result:
        if isinstance(result, Skipped):
            return SKIPPED, case.time or 0, without_place(result.message or result.text or "no reason given")
    if case._elem.get("status") == "notrun":  # GoogleTest: DISABLED_
        return SKIPPED, 0, "disabled"
    return PASSED, case.time or 0, ""


def cases_of(file):
    return [case for _, case in suites_of(file)]


def suites_of(file):
    """(name of the suite, case) of all cases; node --test writes cases without a suite."""
    root = JUnitXml.fromfile(str(file))
    if isinstance(root, TestSuite):  # ctest
        return [("", case) for case in root]
    found = [("", case) for case in root.iterchildren(TestCase)]
    for suite in root.iterchildren(TestSuite):
        found += [(suite.name, case) for case in suite]
    return found


def first_line(text):
    lines = [line for line in (text or "").splitlines() if line.strip()]
    return " ".join(lines[:3])[:300]


def without_place(message):
    """GoogleTest's messages begin with FILE:LINE."""
    lines = message.strip().splitlines()
    if len(lines) > 1 and re.fullmatch(r"\S+:\d+", lines[0]):
        lines = lines[1:]
    return " ".join(line.strip() for line in lines)


def skip_reason(output):
    """GoogleTest prints the reason below "FILE:LINE: Skipped"; a script prints "skipped: REASON"."""
    lines = output.splitlines()
    for line, following in zip(lines, lines[1:]):
        if line.endswith(": Skipped") and following.strip():
            return following.strip()
    for line in lines:
        if line.startswith("skipped: "):
            return line.removeprefix("skipped: ")
    return "no reason given"


def ended_early(output):
    """(the test in which a program ended that wrote no results, the last line of the lab about its machine), or None."""
    running = lab = ""
    for line in output.splitlines():
        if match := re.match(r"\[ RUN      \] (\S+)", line):
            running = match[1]
        elif re.match(r"\[(       OK|  SKIPPED|  FAILED) \] ", line):
            running = ""
        elif line.startswith("lab: the "):
            lab = line
    return (running, lab) if running or lab else None


def where_it_ended(output):
    """What ended early; else the first error."""
    ended = ended_early(output)
    if not ended:
        lines = [line.strip() for line in output.splitlines() if line.strip()] or ["no output"]
        return next((line for line in lines if re.search(r"\berror\b|^FAIL", line)), lines[-1])[:300]
    running, lab = ended
    return "; ".join(text for text in (running and f"ended in {running}", lab) if text)
