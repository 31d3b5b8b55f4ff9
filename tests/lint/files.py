"""Which files lint looks at: those of git, and of these those that changed since the commit before."""

import re
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def git(*words):
    return subprocess.run(["git", *words], cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout


def tracked(*suffixes):
    """Files that git knows or could add, as paths from the repository."""
    names = git("ls-files", "--cached", "--others", "--exclude-standard").splitlines()
    return sorted({name for name in names if name.endswith(suffixes) and (REPOSITORY / name).is_file()})


def changed_since_the_commit_before():
    """None: there is no commit before (a shallow clone), so all may have changed."""
    try:
        names = git("diff", "--name-only", "HEAD^", "--").splitlines()
    except subprocess.CalledProcessError:
        return None
    return set(names) | set(git("ls-files", "--others", "--exclude-standard").splitlines())


def shell_scripts():
    """By their first line. What they source has none."""
    return [name for name in tracked("") if begins_as_shell_script(name)]


def begins_as_shell_script(name):
    with open(REPOSITORY / name, "rb") as file:
        return re.match(rb"#!(/usr)?/bin/(env )?(ba|da|busybox )?sh\b", file.readline(80)) is not None
