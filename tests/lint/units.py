"""The translation units that clang-tidy analyses: as the build compiles them, so that most hold eight sources and read the
libraries' headers once."""

import json
import re
import shlex
import subprocess
from dataclasses import dataclass

from files import REPOSITORY

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


@dataclass
class Unit:
    file: str  # what is compiled: a source, or the build's file that includes several
    sources: list  # paths from the repository
    words: list  # the compiler's command


def read(build, sources):
    """Units that hold all these sources."""
    units = [unit for unit in listed_by_cmake(build) + listed_by_ninja(build) if set(unit.sources) & set(sources)]
    compiled = {source for unit in units for source in unit.sources}
    cpp = next(unit for unit in units if unit.sources[0].startswith("tests/") and unit.sources[0].endswith(".cpp"))
    return units + [compiled_like(cpp, source) for source in sources if source not in compiled]


def listed_by_cmake(build):
    units = []
    for entry in json.loads((build / "compile_commands.json").read_text()):
        included = included_sources(entry["file"]) if "/Unity/unity_" in entry["file"] else [entry["file"]]
        sources = [source for source in map(from_repository, included) if source]
        if sources:
            units.append(Unit(entry["file"], sources, for_clang(shlex.split(entry["command"]))))
    return units


def listed_by_ninja(build):
    """The BPF programs: custom commands, which CMake does not list. Of several objects of a source the first."""
    words = ["ninja", "-C", build, "-t", "compdb", "CUSTOM_COMMAND"]
    units = {}
    for entry in json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout):
        if match := re.search(r"&& (\S*clang\S* -target bpf .*? -o \S+)", entry["command"]):
            command = shlex.split(match[1])
            file = command[command.index("-c") + 1]
            units.setdefault(file, Unit(file, [from_repository(file)], command))
    return list(units.values())


def included_sources(file):
    with open(file) as unit:
        return INCLUDE.findall(unit.read())


def compiled_like(cpp, source):
    """A source that this build does not compile: C++ as the tests, C plainly."""
    path = str(REPOSITORY / source)
    if source.endswith(".c"):
        return Unit(path, [source], ["cc", "-std=gnu17", "-Wall", "-c", path])
    return Unit(path, [source], [path if word == cpp.file else word for word in cpp.words])


def for_clang(words):
    """Without the compiler cache, and without GCC's precompiled headers, which clang cannot read."""
    kept = words[1:] if words[0].endswith("ccache") else list(words)
    while "-include" in kept:
        at = kept.index("-include")
        del kept[at : at + 2]
    return [word for word in kept if word not in ("-Winvalid-pch", "-Wno-subobject-linkage")]


def from_repository(file):
    path = (REPOSITORY / file).resolve()
    inside = path.is_relative_to(REPOSITORY) and not path.relative_to(REPOSITORY).parts[0].startswith("build")
    return str(path.relative_to(REPOSITORY)) if inside else None


def reach(files):
    """{file: all files of ours that it includes, itself too}. By the text: what #if leaves out counts."""
    direct = {}
    for file in files:
        folder = (REPOSITORY / file).parent
        names = INCLUDE.findall((REPOSITORY / file).read_text(errors="replace"))
        paths = [from_repository(base / name) for name in names for base in (folder, REPOSITORY)]
        direct[file] = {path for path in paths if path in files}
    reached = {}
    for file in files:
        found, waiting = {file}, [file]
        while waiting:
            new = direct[waiting.pop()] - found
            found |= new
            waiting += new
        reached[file] = found
    return reached
