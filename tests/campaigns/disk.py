"""A disk that notes what it has not synced yet, and the power loss that takes any of it away.

Notes go with plain writes to a file beside the data, so that they outlive the process that is killed. Names count as
durable once the folder was synced, which `rename`, `replace` and `unlink` do themselves.
"""

import contextlib
import json
import os
import random
import time
import weakref
from dataclasses import dataclass, field
from pathlib import Path

from headwater.log.disk import RealAppendFile, RealDisk
from tests.campaigns.points import pass_point, points_passed

NOTES_KEY = "HEADWATER_CAMPAIGN_NOTES"
"""The environment variable that names the folder of the notes."""
SLOW_KEY = "HEADWATER_CAMPAIGN_SLOW_MS"
"""How long the disk takes to sync a segment or a journal, so that more is at stake at any time."""
SLOW = ("segment", "journal")
PAGE_BYTES = 512


def class_of(name: str) -> str:
    """What kind of file a name stands for: segment, journal, cursor, checkpoint, manifest, mark, ..."""
    plain = name.removesuffix(".tmp")
    return "segment" if plain.endswith(".seg") else plain.partition(".")[0]


def notes_of(notes: Path, folder: Path) -> Path:
    """Where it is noted what a folder holds that is not synced."""
    return notes / f"{folder.parent.name}.{folder.name}"


class Notes:
    """The notes of one folder, written by every process that uses it."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        weakref.finalize(self, os.close, self._fd)

    def add(self, *event: str | int) -> None:
        os.write(self._fd, json.dumps(event).encode() + b"\n")


class RecordingAppendFile(RealAppendFile):
    """A file that notes each write before it, and each completed sync after it."""

    def __init__(self, path: Path, flags: int, notes: Notes) -> None:
        super().__init__(path, flags)
        self._notes = notes
        self._name = path.name
        self._class = class_of(path.name)
        self._slow_s = float(os.environ.get(SLOW_KEY, "0")) / 1000

    def write(self, data: bytes) -> None:
        if not data:
            return
        pass_point(f"write:{self._class}")
        self._notes.add("write", self._name, self.size, len(data))
        if points_passed(f"half:{self._class}"):
            super().write(data[: len(data) // 2])
            pass_point(f"half:{self._class}", counted=True)
        super().write(data)

    def datasync(self) -> None:
        pass_point(f"sync:{self._class}")
        size = self.size
        if self._class in SLOW:
            time.sleep(self._slow_s)
        super().datasync()
        self._notes.add("synced", self._name, size)
        pass_point(f"synced:{self._class}")


class RecordingDisk(RealDisk):
    """A folder of the file system whose unsynced writes are noted."""

    def __init__(self, folder: Path, notes: Path | None = None) -> None:
        super().__init__(folder)
        self._notes = Notes(notes_of(notes or Path(os.environ[NOTES_KEY]), folder))

    def create(self, name: str) -> RecordingAppendFile:
        self._notes.add("create", name)
        made = RecordingAppendFile(self.folder / name, os.O_CREAT | os.O_TRUNC, self._notes)
        pass_point(f"created:{class_of(name)}")
        return made

    def reopen(self, name: str) -> RecordingAppendFile:
        return RecordingAppendFile(self.folder / name, 0, self._notes)

    def truncate(self, name: str, size: int) -> None:
        pass_point("truncate")
        super().truncate(name, size)
        self._notes.add("truncate", name, size)
        pass_point("truncated")

    def rewrite(self, name: str, offset: int) -> None:
        size = self.size(name)
        super().rewrite(name, offset)
        self._notes.add("synced", name, size)
        pass_point("rewritten")

    def rename(self, name: str, to: str) -> None:
        pass_point(f"rename:{class_of(to)}")
        self._notes.add("rename", name, to, int((self.folder / to).exists()))
        super().rename(name, to)
        pass_point(f"renamed:{class_of(to)}")

    def unlink(self, name: str) -> None:
        pass_point(f"unlink:{class_of(name)}")
        super().unlink(name)
        self._notes.add("unlink", name)
        pass_point(f"unlinked:{class_of(name)}")

    def sync_folder(self) -> None:
        super().sync_folder()
        self._notes.add("folder")

    def store_word(self, name: str, value: int) -> None:
        self._notes.add("word", name, value)
        super().store_word(name, value)
        pass_point(f"word:{name}")


@dataclass
class Doubtful:
    """What of one file may be missing."""

    synced: int | None = None
    """Up to here the file is durable; None for all of it that no write below names."""
    writes: list[tuple[int, int]] = field(default_factory=list)
    """(offset, length) of what was written since."""
    named: bool = False
    """Whether the name is durable."""


@dataclass
class Doubts:
    """What the notes of a folder come to."""

    files: dict[str, Doubtful] = field(default_factory=dict)
    words: dict[str, list[int]] = field(default_factory=dict)
    """Every value that a shared word has had."""


def read_notes(path: Path) -> Doubts:
    """Fold the notes; a note cut short by the kill is none."""
    doubts = Doubts()
    with contextlib.suppress(FileNotFoundError):
        for line in path.read_bytes().splitlines():
            with contextlib.suppress(json.JSONDecodeError):
                what, *rest = json.loads(line)
                _fold(doubts, what, rest)
    return doubts


def _fold(doubts: Doubts, what: str, rest: list[str | int]) -> None:
    match what, rest:
        case "create", [str(name)]:
            doubts.files[name] = Doubtful(synced=0)
        case "write", [str(name), int(offset), int(length)]:
            doubts.files.setdefault(name, Doubtful(named=True)).writes.append((offset, length))
        case (("synced" | "truncate"), [str(name), int(size)]):
            held = doubts.files.setdefault(name, Doubtful(named=True))
            held.synced = size
            held.writes = [write for write in held.writes if what == "synced" and sum(write) > size]
        case "rename", [str(name), str(to), int(replaced)]:
            # Until the folder is synced the name is that of the new file or of the old one, if there was one.
            held = doubts.files.pop(name, Doubtful())
            held.named = bool(replaced)
            doubts.files[to] = held
        case "unlink", [str(name)]:
            doubts.files.pop(name, None)
        case "folder", []:
            for held in doubts.files.values():
                held.named = True
        case "word", [str(name), int(value)]:
            doubts.words.setdefault(name, [0]).append(value)
        case _:
            raise ValueError(f"a note of an unknown kind: {what} {rest}")


def lose_power(folder: Path, notes: Path, rng: random.Random) -> list[str]:
    """Take away any part of what is not synced in a folder nobody uses; what was done, one sentence each."""
    path = notes_of(notes, folder)
    doubts = read_notes(path)
    done = [told for name, held in doubts.files.items() for told in _lose_writes(folder / name, held, rng)]
    for name, values in doubts.words.items():
        done += _lose_word(folder / name, values, rng)
    for left in folder.glob("*.tmp"):
        if rng.random() < 0.5:
            left.unlink()
            done.append(f"{left.name} gone")
    path.unlink(missing_ok=True)
    return [f"{folder.parent.name}/{folder.name}: {told}" for told in done]


def _lose_writes(path: Path, held: Doubtful, rng: random.Random) -> list[str]:
    if not path.exists():
        return []
    if not held.named and rng.random() < 0.5:
        path.unlink()
        return [f"{path.name} gone"]
    if not held.writes:
        return []
    size = path.stat().st_size
    durable = min(offset for offset, _ in held.writes) if held.synced is None else held.synced
    done = []
    with path.open("r+b") as file:
        for offset, length in held.writes:
            first, last = max(offset, durable), min(offset + length, size)
            if first < last:
                done += [f"{path.name} {told}" for told in _lose_range(file.fileno(), first, last, rng)]
        if rng.random() < 0.5:
            keep = min(size, rng.choice((durable, rng.randint(min(durable, size), size))))
            file.truncate(keep)
            done.append(f"{path.name} ends at {keep} instead of {size}")
    return done


def _lose_range(fd: int, first: int, last: int, rng: random.Random) -> list[str]:
    """All of one write, none of it, its end, or some of its blocks."""
    how = rng.choice(("kept", "gone", "torn", "blocks"))
    if how == "torn":
        first = rng.randint(first, last)
    if how == "kept" or first == last:
        return []
    while first < last:
        end = min(first - first % PAGE_BYTES + PAGE_BYTES, last) if how == "blocks" else last
        if how != "blocks" or rng.random() < 0.5:
            os.pwrite(fd, bytes(end - first), first)
        first = end
    return [f"{how} up to {last}"]


def _lose_word(path: Path, values: list[int], rng: random.Random) -> list[str]:
    """A word that was never synced has any value that it ever had, or none."""
    if not path.exists() or rng.random() < 0.3:
        return []
    how = rng.choice(("older", "older", "older", "zeros", "empty", "gone"))
    if how == "gone":
        path.unlink()
    elif how in ("zeros", "empty"):
        path.write_bytes(bytes(path.stat().st_size if how == "zeros" else 0))
    else:
        value = rng.choice(values)
        word = value.to_bytes(8, "little") + (value ^ ((1 << 64) - 1)).to_bytes(8, "little")
        path.write_bytes(word * (path.stat().st_size // len(word)))
        how = f"is {value} instead of {values[-1]}"
    return [f"{path.name} {how}"]
