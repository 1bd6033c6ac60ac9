"""The jars that a server runs from: pinned in a lock file, fetched by Maven, checked, kept outside the work tree.

A line of a lock is `group:artifact:version[:classifier] sha256`. Maven finds Maven Central or the mirror that its
settings name; what it brings is used only when it is exactly what the lock says.
"""

import hashlib
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

from headwater.model.errors import ConfigError
from headwater.services.needs import NotHere, Say, cache_folder, find_program

LOCKS = Path(__file__).parent / "locks"
MAVEN = "mvn"
PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"
FETCH_S_MAX = 900.0
PROJECT = """\
<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion><groupId>local</groupId><artifactId>jars</artifactId><version>1</version>
<packaging>pom</packaging><dependencies>
{dependencies}
</dependencies></project>
"""


class Jar(NamedTuple):
    """One jar of a lock."""

    group: str
    artifact: str
    version: str
    classifier: str
    sha256: str
    """64 hexadecimal digits."""

    @property
    def file_name(self) -> str:
        classifier = f"-{self.classifier}" if self.classifier else ""
        return f"{self.artifact}-{self.version}{classifier}.jar"

    @property
    def coordinates(self) -> str:
        return ":".join(filter(None, self[:4]))


class Jars:
    """All jars of the lock `locks/NAME.jars`, in one folder of the cache."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._lock = LOCKS / f"{name}.jars"

    @property
    def folder(self) -> Path:
        """Where they are once they are installed; another lock has another folder."""
        digest = hashlib.sha256(self._lock.read_bytes()).hexdigest()[:12]
        return cache_folder() / "jars" / f"{self.name}-{digest}"

    def missing(self) -> str:
        return "" if self.folder.is_dir() else f"the jars of {self.name}"

    def packages(self) -> tuple[str, ...]:
        return () if find_program(MAVEN) else ("maven",)

    def install(self, say: Say) -> None:
        """Fetch and check all of them; either all are there afterwards, or none."""
        if not self.missing():
            return
        jars = self.all()
        say(f"{self.name}: fetching {len(jars)} jars")
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f"{self.name}-", dir=self.folder.parent) as made:
            fetched = Path(made) / "jars"
            fetch(project(jars), fetched)
            check(jars, fetched)
            if self.missing():  # Another process may have been quicker.
                fetched.rename(self.folder)

    def all(self) -> list[Jar]:
        """What the lock says."""
        return read_lock(self._lock.read_text(encoding="ascii"))

    def version(self, artifact: str) -> str:
        """The version of an artifact in the lock."""
        return next(jar.version for jar in self.all() if jar.artifact == artifact)


def read_lock(text: str) -> list[Jar]:
    """The jars of a lock; ConfigError that names the line which is not one."""
    jars = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        coordinates, _, sha256 = line.partition(" ")
        parts = coordinates.split(":")
        if len(parts) not in (3, 4) or len(sha256) != 64:
            raise ConfigError(f"line {number} of the lock is not `group:artifact:version[:classifier] sha256`: {line}")
        jars.append(Jar(parts[0], parts[1], parts[2], parts[3] if len(parts) == 4 else "", sha256))
    return jars


def project(jars: list[Jar], alone: bool = True) -> str:
    """A Maven project that has exactly these jars; unless they come alone, with all that they need."""
    return PROJECT.format(dependencies="\n".join(_dependency(jar, alone) for jar in jars))


def fetch(project_text: str, folder: Path) -> None:
    """Have Maven put the jars of a project into a folder, named by `Jar.file_name`; NotHere when it cannot."""
    run_maven(project_text, "copy-dependencies", f"-DoutputDirectory={folder}")


def run_maven(project_text: str, goal: str, *options: str) -> None:
    """Run a goal of Maven's plug-in for dependencies on a project; NotHere when it cannot be done."""
    maven = find_program(MAVEN)
    if maven is None:
        raise NotHere(f"fetching jars needs Maven ({MAVEN}), which is not here; as root: apt-get install maven")
    with tempfile.TemporaryDirectory() as made:
        pom = Path(made) / "pom.xml"
        pom.write_text(project_text, encoding="utf-8")
        command = [maven, "--quiet", "--batch-mode", f"--file={pom}", "-Dmaven.artifact.threads=8"]
        try:
            done = subprocess.run(
                [*command, f"{PLUGIN}:{goal}", "-DincludeScope=runtime", *options],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=FETCH_S_MAX,
            )
        except subprocess.TimeoutExpired:
            raise NotHere(f"Maven did not fetch the jars within {FETCH_S_MAX:.0f} s") from None
    if done.returncode:
        raise NotHere(f"Maven could not fetch the jars: {_reason(done.stdout) or done.stderr.strip()[-400:]}")


def _reason(said: str) -> str:
    """The first thing that Maven complains about."""
    errors = (line.partition("[ERROR]")[2].strip() for line in said.splitlines())
    return next(filter(None, errors), "")


def check(jars: list[Jar], folder: Path) -> None:
    """NotHere unless a folder holds each of the jars, as locked, and nothing else."""
    for jar in jars:
        file = folder / jar.file_name
        if not file.is_file():
            raise NotHere(f"Maven did not bring {jar.coordinates}")
        if (found := sha256_of(file)) != jar.sha256:
            raise NotHere(f"{jar.coordinates} is not what the lock says: sha256 {found}, not {jar.sha256}")
    if more := {file.name for file in folder.iterdir()} - {jar.file_name for jar in jars}:
        raise NotHere(f"Maven brought more than the lock says: {', '.join(sorted(more))}")


def sha256_of(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _dependency(jar: Jar, alone: bool) -> str:
    fields = {"groupId": jar.group, "artifactId": jar.artifact, "version": jar.version, "classifier": jar.classifier}
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items() if value)
    without = "<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>"
    return f"<dependency>{inner}{without if alone else ''}</dependency>"
