"""What servers need: it is found, or said with what to do; and nothing is used that is not what the lock says."""

import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from headwater.model.errors import ConfigError
from headwater.services.catalogue import SERVERS, server_named
from headwater.services.install import everything, install
from headwater.services.jars import LOCKS, Jar, check, project, read_lock, run_maven
from headwater.services.java import Java
from headwater.services.needs import NotHere, Program, Say, cache_folder
from headwater.services.venv import run
from tests.services.fixtures import REQUIRE_KEY, need

SHA = hashlib.sha256(b"a jar").hexdigest()
JAR = Jar("org.example", "thing", "1.2", "linux-x86_64", SHA)


class Lacking:
    """Something that is missing until it is installed, or for good."""

    def __init__(self, refusal: str = "", brings: bool = True) -> None:
        self._refusal = refusal
        self._brings = brings
        self._here = False

    def missing(self) -> str:
        return "" if self._here else "the thing"

    def packages(self) -> tuple[str, ...]:
        return ()

    def install(self, say: Say) -> None:
        if self._refusal:
            raise NotHere(self._refusal)
        self._here = self._brings


def test_what_cannot_be_had_is_said_with_its_reason_and_the_rest_is_installed() -> None:
    had = Lacking()
    wanted: Mapping[str, list[Lacking]] = {
        "one": [had],
        "two": [Lacking("the mirror is away")],
        "three": [Lacking(brings=False)],
    }
    reasons = install(wanted, print)
    assert reasons == {
        "two": "the mirror is away",
        "three": "the thing is not here; its package did not bring it",
    }
    assert had.missing() == ""


def test_everything_that_can_be_started_can_be_installed() -> None:
    assert everything().keys() == {server.NAME for server in SERVERS} | {"chromium"}


def test_a_program_is_found_by_any_of_its_names_or_the_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    wanted = Program("never-heard-of", "its-package", "or-this")
    assert wanted.missing() == "the program never-heard-of or or-this"
    with pytest.raises(NotHere, match="apt-get install its-package"):
        wanted.path()
    found = tmp_path / "or-this"
    found.write_text("")
    found.chmod(0o755)
    assert (wanted.missing(), wanted.path()) == ("", str(found))


@pytest.mark.parametrize(("version", "found"), [("17.0.15", True), ("21.0.1", False), ("1.8.0", False)])
def test_java_is_taken_by_its_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, found: bool
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/java").write_text("")
    (tmp_path / "bin/java").chmod(0o755)
    (tmp_path / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n')
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("headwater.services.java.INSTALLED", tmp_path / "none")
    java = Java(11, 17)
    assert java.missing().startswith("Java 11 to 17") is not found
    if found:
        assert java.program() == str(tmp_path / "bin/java")
    else:
        with pytest.raises(NotHere, match="apt-get install openjdk-17-jre-headless"):
            java.program()


def test_a_lock_is_read_and_a_wrong_line_is_named() -> None:
    assert read_lock(f"# a comment\norg.example:thing:1.2:linux-x86_64 {SHA}\n") == [JAR]
    with pytest.raises(ConfigError, match="line 2 of the lock"):
        read_lock(f"org.example:thing:1.2 {SHA}\norg.example:thing {SHA}\n")


@pytest.mark.parametrize("lock", sorted(LOCKS.glob("*.jars")), ids=lambda lock: lock.name)
def test_every_lock_pins_jars_that_can_lie_in_one_folder(lock: Path) -> None:
    jars = read_lock(lock.read_text())
    assert len({jar.file_name for jar in jars}) == len(jars) > 10
    assert "://" not in lock.read_text()


def test_only_exactly_what_is_locked_is_used(tmp_path: Path) -> None:
    with pytest.raises(NotHere, match=r"did not bring org\.example:thing:1\.2:linux-x86_64"):
        check([JAR], tmp_path)
    file = tmp_path / JAR.file_name
    file.write_bytes(b"a jar")
    check([JAR], tmp_path)
    (tmp_path / "more.jar").write_bytes(b"")
    with pytest.raises(NotHere, match=r"more than the lock says: more\.jar"):
        check([JAR], tmp_path)
    file.write_bytes(b"another")
    with pytest.raises(NotHere, match="is not what the lock says: sha256"):
        check([JAR], tmp_path)


def test_maven_is_asked_for_exactly_one_jar() -> None:
    asked = project([JAR])
    assert "<version>1.2</version><classifier>linux-x86_64</classifier><exclusions>" in asked
    assert "exclusions" not in project([JAR], alone=False)


def test_without_maven_it_is_said_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotHere, match=r"needs Maven .mvn., which is not here; as root: apt-get install maven"):
        run_maven("", "list")


def test_what_maven_complains_about_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    maven = tmp_path / "mvn"
    maven.write_text("#!/bin/sh\nprintf '\\033[0m[ERROR] \\n[ERROR] the mirror is away\\n[ERROR] Help\\n'\nexit 1\n")
    maven.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotHere, match=r"could not fetch the jars: the mirror is away$"):
        run_maven("", "list")


def test_a_step_that_fails_says_what_it_said() -> None:
    with pytest.raises(NotHere, match=r"failed with exit code 3: no room left"):
        run([sys.executable, "-c", "import sys; print('no room\\nleft', file=sys.stderr); sys.exit(3)"])


def test_the_cache_is_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.delenv("HEADWATER_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder() == Path("/home/somebody/.cache/headwater")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "headwater"
    monkeypatch.setenv("HEADWATER_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"


@pytest.mark.parametrize("name", ["cassandra", "opensearch", "keystone", "swift"])
def test_a_test_of_a_missing_server_is_skipped_or_fails_where_it_must_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADWATER_CACHE", str(tmp_path))
    assert server_named(name).NAME == name
    monkeypatch.delenv(REQUIRE_KEY, raising=False)
    with pytest.raises(pytest.skip.Exception, match=f"machine cannot: no {name}, it lacks"):
        need(name)
    monkeypatch.setenv(REQUIRE_KEY, "1")
    with pytest.raises(pytest.fail.Exception, match=f"no {name}, it lacks"):
        need(name)
