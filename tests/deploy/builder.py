"""Builds images without Docker: every instruction of the Dockerfile, on overlays over this machine's own files.

In place of the base image stands this machine, with its Python as `python`; RUN has its network. Needs the namespaces
of `engine.contained_command`, but the one of the network.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path, PurePosixPath

from headwater.model.errors import HeadwaterError
from tests.deploy.dockerfile import (
    Instruction,
    environment_of,
    ignored,
    last,
    listed,
    patterns_of,
    stages_of,
    whole,
)
from tests.deploy.images import DOCKERFILE, ROOT, Image, image_of

FROM_HERE = ("PIP_", "SSL_", "HTTP_", "HTTPS_", "http_", "https_", "NO_PROXY", "no_proxy", "REQUESTS_")
"""Beginnings of the variables that a build is given, as Docker does for proxies."""
PYTHON = "/usr/local/bin/python"


class Builder:
    """Builds stages, each once, below a folder on a file system of its own."""

    def __init__(self, folder: Path, dockerfile: Path = DOCKERFILE) -> None:
        self._folder = folder
        self._stages = stages_of(dockerfile.read_text())
        self._ignored = patterns_of(ROOT / ".dockerignore")
        self._built: dict[str, list[Path]] = {}

    def image(self, name: str) -> Image:
        """An image, built when it is not yet."""
        return image_of(whole(self._stages, name), tuple(self._build(name)))

    def command(self, name: str) -> tuple[str, ...]:
        """What an image does when it is told nothing."""
        return listed(last(whole(self._stages, name), "CMD"))

    def probe(self, name: str) -> tuple[str, ...]:
        """How an image is asked whether it serves; empty without."""
        text = last(whole(self._stages, name), "HEALTHCHECK")
        return listed(text.partition("CMD ")[2]) if text else ()

    def user(self, name: str) -> int:
        uid, _, gid = last(whole(self._stages, name), "USER").partition(":")
        assert uid == gid
        return int(uid)

    def _build(self, name: str) -> list[Path]:
        """The layers of a stage, the uppermost first."""
        if name not in self._built:
            stage = self._stages[name]
            below = self._build(stage.base) if stage.base in self._stages else [self._machine()]
            made = self._folder / f"stage-{name}"
            for part in ("upper", "work", "root"):
                (made / part).mkdir(parents=True)
            lower = ":".join(map(str, [*below, Path("/")]))
            overlay = f"lowerdir={lower},upperdir={made / 'upper'},workdir={made / 'work'}"
            root = made / "root"
            _run("mount", "-t", "overlay", "overlay", "-o", overlay, str(root))
            for kernel in ("proc", "dev"):
                _run("mount", "--rbind", f"/{kernel}", str(root / kernel))
            inherited = whole(self._stages, name)[: -len(stage.instructions) or None]
            for at, instruction in enumerate(stage.instructions):
                self._do(instruction, root, inherited + stage.instructions[:at])
            _run("umount", "--recursive", "--lazy", str(root))
            self._built[name] = [made / "upper", *below]
        return self._built[name]

    def _machine(self) -> Path:
        """The layer that makes this machine look like the base image."""
        layer = self._folder / "machine"
        python = layer / PYTHON.lstrip("/")
        python.parent.mkdir(parents=True)
        # No link: an interpreter seeks its library beside the name that it is called by.
        python.write_text(f'#!/bin/sh\nexec {os.path.realpath(sys.executable)} "$@"\n')
        python.chmod(0o755)
        return layer

    def _do(self, instruction: Instruction, root: Path, before: list[Instruction]) -> None:
        folder = last(before, "WORKDIR") or "/"
        match instruction.name:
            case "RUN":
                given = {key: value for key, value in os.environ.items() if key.startswith(FROM_HERE)}
                environment = {"HOME": "/root", **given, **environment_of(before)}
                inside = f"cd {folder} && {instruction.text}"
                _run("chroot", str(root), "/bin/sh", "-c", inside, environment=environment)
            case "WORKDIR":
                (root / instruction.text.lstrip("/")).mkdir(parents=True, exist_ok=True)
            case "COPY":
                self._copy(instruction.text.split(), root, folder)
            case _:
                pass

    def _copy(self, words: list[str], root: Path, folder: str) -> None:
        stage = words.pop(0).removeprefix("--from=") if words[0].startswith("--from=") else None
        *sources, target = words
        place = root / str(PurePosixPath(folder) / target).lstrip("/")
        for source in sources:
            files = self._files(stage, source)
            many = len(sources) > 1 or target.endswith("/") or place.is_dir()
            for inner, file in files:
                goal = place / inner if inner.parts else (place / file.name if many else place)
                goal.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(file, goal, follow_symlinks=False)

    def _files(self, stage: str | None, source: str) -> list[tuple[PurePosixPath, Path]]:
        """The files that a source of COPY names, each with its place below the target."""
        if stage is None:
            return [
                (inner, file)
                for inner, file in _below(ROOT / source)
                if not ignored(PurePosixPath(file.relative_to(ROOT)), self._ignored)
            ]
        self._build(stage)
        found: dict[PurePosixPath, Path] = {}
        for layer in reversed(self._built[stage]):
            found |= dict(_below(layer / source.lstrip("/")))
        return list(found.items())


def builder_in(state: Path) -> Builder:
    """A builder whose layers are in memory, below a folder."""
    layers = state / "layers"
    layers.mkdir()
    _run("mount", "-t", "tmpfs", "layers", str(layers))
    return Builder(layers)


def _below(path: Path) -> list[tuple[PurePosixPath, Path]]:
    if not path.is_dir():
        return [(PurePosixPath(), path)] if path.exists() else []
    files = (file for file in path.rglob("*") if file.is_symlink() or file.is_file())
    return [(PurePosixPath(file.relative_to(path)), file) for file in files]


def _run(*command: str, environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise HeadwaterError(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()[-2000:]}")
