"""What ./dev test prints at its end."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from . import boots
from .results import FAILED, PASSED, SKIPPED

SLOWEST = 10


@dataclass
class Part:
    name: str
    seconds: float = 0.0
    build_seconds: float = 0.0
    problem: str = ""  # why the part did not run, or ended with an error that no test names
    results: list = field(default_factory=list)

    def count(self, status):
        return sum(result.status == status for result in self.results)


def ran_nowhere(results):
    """Tests of the lab's programs that were skipped in each of their runs."""
    seen = defaultdict(set)
    for result in results:
        if result.part == "lab" and result.run != result.test:
            seen[result.test].add(result.status)
    return sorted(test for test, statuses in seen.items() if statuses == {SKIPPED})


def lines(parts, boots_file, whole, notes=()):
    """(lines to print, whether the run is good). whole: the lab part ran with no test left out."""
    results = [result for part in parts for result in part.results]
    problems = [f"{part.name}: {part.problem}" for part in parts if part.problem]
    out = ["", "== summary"]
    out += [part_line(part) for part in parts]
    out += failed_lines(results)
    out += skipped_lines(results)
    if whole:
        for test in ran_nowhere(results):
            problems.append(f"lab: {test} was skipped in each run: no configuration of this run tests it")
    out += slowest_lines(results)
    started, not_booted = boots.count(boots_file)
    if started:
        out.append(f"boots: {started} boots, {len(not_booted)} did not boot")
        out += [f"  {line}" for line in not_booted]
    elif whole:
        problems.append("lab: no machine was counted: nothing tells whether all of them booted")
    if boots.too_many(started, len(not_booted)):
        problems.append(f"lab: more than one boot in {boots.ALLOWED_ONE_IN} failed")
    out += notes
    if problems:
        out.append("problems:")
        out += [f"  {problem}" for problem in problems]
    counts = Counter(result.status for result in results)
    failed = counts[FAILED] + len(problems)
    out.append(f"{counts[PASSED]} passed, {failed} failed, {counts[SKIPPED]} skipped")
    return out, failed == 0


def part_line(part):
    verdict = "FAILED" if part.problem or part.count(FAILED) else "ok"
    counts = f"{part.count(PASSED)} passed, {part.count(FAILED)} failed, {part.count(SKIPPED)} skipped"
    return f"{part.name + ':':7}{verdict}, {counts} ({part.seconds:.0f} s; build {part.build_seconds:.0f} s)"


def failed_lines(results):
    failed = [result for result in results if result.status == FAILED]
    if not failed:
        return []
    return ["failed:"] + [f"  {result.part}: {result.name}: {result.detail}" for result in failed]


def skipped_lines(results):
    by_reason = defaultdict(list)
    for result in results:
        if result.status == SKIPPED:
            by_reason[result.detail].append(result.name)
    out = ["skipped:"] if by_reason else []
    for reason, names in sorted(by_reason.items(), key=lambda item: -len(item[1])):
        out.append(f"  {len(names)} x {reason}")
        out += [f"      {name}" for name in names]
    return out


def slowest_lines(results):
    slowest = sorted(results, key=lambda result: -result.seconds)[:SLOWEST]
    if not slowest:
        return []
    return [f"slowest {len(slowest)} tests:"] + [f"  {result.seconds:7.1f} s  {result.part}: {result.name}" for result in slowest]
