"""The lab's test runs, as tests/CMakeLists.txt registered them: which tests of which program each of them runs."""

import re
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass
class LabRun:
    name: str  # in ctest
    when: str  # "ci" or "long"
    program: str
    filter: str  # GoogleTest's


def read(table):
    return [LabRun(*line.split("\t")) for line in Path(table).read_text().splitlines() if line]


@cache
def list_tests(program, test_filter="*"):
    """Full names of the tests, by the program itself: "Suite/0.Test/1"."""
    output = subprocess.run(
        [program, "--gtest_list_tests", f"--gtest_filter={test_filter}"], check=True, capture_output=True, text=True
    ).stdout
    names, suite = [], ""
    for line in output.splitlines():
        name = line.split("#")[0].rstrip()  # after "#": the value of a parameter
        if not name or name.startswith("Running main()"):
            continue
        if name.startswith(" "):
            names.append(suite + name.strip())
        else:
            suite = name
    return names


def narrowed(runs, pattern):
    """What matches the pattern: {run: {program: filter}}. A run that matches by its own name is whole: {run: {}}."""
    chosen = {}
    for run in runs:
        if re.search(pattern, run.name):
            chosen[run.name] = {}
            continue
        matching = [name for name in list_tests(run.program, run.filter) if re.search(pattern, name)]
        if matching:
            chosen.setdefault(run.name, {})[Path(run.program).name] = ":".join(matching)
    return chosen
