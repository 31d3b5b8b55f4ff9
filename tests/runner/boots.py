"""The ledger of machines that the lab started: lab/lab appends one line for each to the file TRAPLINE_LAB_BOOTS."""

from math import ceil
from pathlib import Path

ALLOWED_ONE_IN = 50


def count(file):
    """(machines started, lines of those that did not boot). A line begins with "booted" or with something else."""
    if not Path(file).exists():
        return 0, []
    lines = [line for line in Path(file).read_text().splitlines() if line.strip()]
    return len(lines), [line for line in lines if not line.startswith("booted")]


def too_many(started, not_booted):
    return not_booted > ceil(started / ALLOWED_ONE_IN)
