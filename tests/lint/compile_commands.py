"""How each source is compiled, for clang-tidy: the build's own commands, and those of what CMake does not list."""

import json
import re
import shlex
import subprocess

from files import REPOSITORY

# Of GCC only, or of its precompiled headers, which clang cannot read.
NOT_FOR_CLANG = re.compile(r"-Winvalid-pch|-fpch-.*")


def read(build):
    """{file: words}, of the build's compile_commands.json and of the BPF objects, which ninja knows as custom commands."""
    commands = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        file = relative(entry["file"])
        if file is not None:
            commands.setdefault(file, for_clang(shlex.split(entry["command"])))
    listed = subprocess.run(["ninja", "-C", build, "-t", "compdb", "CUSTOM_COMMAND"], check=True, capture_output=True, text=True)
    for entry in json.loads(listed.stdout):
        if match := re.search(r"&& (\S*clang\S* -target bpf .*? -o \S+)", entry["command"]):
            words = shlex.split(match[1])
            commands.setdefault(relative(words[words.index("-c") + 1]), words)
    return commands


def add_unlisted(commands, sources):
    """Sources that this build does not compile (fuzz targets) as their neighbours are; C of the host plainly."""
    cpp = next(words for file, words in commands.items() if file.startswith("tests/unit/"))
    for source in sources:
        if source in commands:
            continue
        words = ["cc", "-std=gnu17", "-Wall", "-c", source] if source.endswith(".c") else with_source(cpp, source)
        commands[source] = words
    return commands


def with_source(words, source):
    at = words.index("-c") + 1
    return [*words[:at], str(REPOSITORY / source), *words[at + 1 :]]


def for_clang(words):
    kept, skip = [], False
    for i, word in enumerate(words):
        if skip:
            skip = False
        elif word == "-include" and "cmake_pch" in words[i + 1]:
            skip = True
        elif not NOT_FOR_CLANG.fullmatch(word):
            kept.append(word)
    return kept[1:] if kept[0].endswith("ccache") else kept


def relative(file):
    try:
        return str((REPOSITORY / file).resolve().relative_to(REPOSITORY))
    except ValueError:
        return None


def write(commands, build, folder):
    """A compile_commands.json of these in the folder, for clang-tidy -p."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = [
        {"directory": str(build if words[0] != "cc" else REPOSITORY), "file": str(REPOSITORY / file), "arguments": words}
        for file, words in commands.items()
    ]
    (folder / "compile_commands.json").write_text(json.dumps(entries, indent=1))
