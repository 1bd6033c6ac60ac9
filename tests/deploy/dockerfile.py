"""Reads a Dockerfile and its .dockerignore: as much of them as ours use; all else is refused."""

import json
import re
import shlex
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import NamedTuple

FOR_STAGES = ("ENV", "WORKDIR", "COPY", "RUN", "USER", "ENTRYPOINT", "CMD", "HEALTHCHECK")
FOR_PEOPLE = ("VOLUME", "EXPOSE", "LABEL", "STOPSIGNAL")


class Instruction(NamedTuple):
    """One line of a Dockerfile, continuations joined."""

    name: str
    text: str


class Stage(NamedTuple):
    """What one image is made of."""

    name: str
    base: str
    """Another stage, or an image from elsewhere."""
    instructions: list[Instruction]


def stages_of(text: str) -> dict[str, Stage]:
    """All stages by name, in order; AssertionError for what is not known here."""
    arguments: dict[str, str] = {}
    stages: dict[str, Stage] = {}
    for instruction in _instructions(text):
        if instruction.name == "ARG":
            name, _, value = instruction.text.partition("=")
            arguments[name] = value
        elif instruction.name == "FROM":
            base, word, name = instruction.text.split()
            assert word == "AS"
            base = re.sub(r"\$\{(\w+)\}", lambda found: arguments[found[1]], base)
            stages[name] = Stage(name, base, [])
        else:
            assert instruction.name in (*FOR_STAGES, *FOR_PEOPLE), instruction
            stages[name].instructions.append(instruction)
    return stages


def whole(stages: dict[str, Stage], name: str) -> list[Instruction]:
    """All that holds for an image: of the stages that it comes from too."""
    stage = stages[name]
    return (whole(stages, stage.base) if stage.base in stages else []) + stage.instructions


def pairs(text: str) -> dict[str, str]:
    """The assignments of ENV and LABEL."""
    return dict(each.split("=", 1) for each in shlex.split(text))


def listed(text: str) -> tuple[str, ...]:
    """A command in the form that no shell reads; AssertionError when it is of the other."""
    found = json.loads(text)
    assert isinstance(found, list)
    return tuple(map(str, found))


def last(instructions: list[Instruction], name: str) -> str:
    """The text of the last instruction of a name, which is the one that holds; empty without."""
    return next((each.text for each in reversed(instructions) if each.name == name), "")


def environment_of(instructions: list[Instruction]) -> dict[str, str]:
    found: dict[str, str] = {}
    for instruction in instructions:
        if instruction.name == "ENV":
            found |= pairs(instruction.text)
    return found


def ignored(path: PurePosixPath, patterns: list[str]) -> bool:
    """Whether a file of the context is left out: the last pattern that fits it or a folder above it decides."""
    result = False
    above = [path, *path.parents][:-1]
    for pattern in patterns:
        wanted = pattern.removeprefix("!")
        if any(_fits(each, wanted) for each in above):
            result = not pattern.startswith("!")
    return result


def patterns_of(file: Path) -> list[str]:
    """The patterns of a .dockerignore."""
    lines = [line.strip() for line in file.read_text().splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def _fits(path: PurePosixPath, pattern: str) -> bool:
    if pattern.startswith("**/"):
        return fnmatch(path.name, pattern[3:])
    return len(path.parts) == pattern.count("/") + 1 and fnmatch(str(path), pattern)


def _instructions(text: str) -> Iterator[Instruction]:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    for line in joined.splitlines():
        if line.strip():
            name, _, rest = line.strip().partition(" ")
            yield Instruction(name.upper(), rest.strip())
