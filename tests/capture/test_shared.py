"""The recorder that the modules of a program share, and the 2018 environment that may configure it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater import capture
from headwater.capture import Recorder
from headwater.capture.environment import settings_of
from headwater.model.errors import ConfigError
from tests.capture.laboratory import NODE

PROPERTIES = "NODE_ID = 0000a3\nNODE_NAME = lab\nMETRICS = ctime,loc\n"
ENVIRONMENT = {"CONF_LOC": "EVAR", "NODE_ID": "0000a3", "NODE_NAME": "lab", "METRICS": "ctime,loc"}


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    capture.close()


def told(recorder: Recorder) -> tuple[int, str, tuple[str, ...]]:
    return recorder.options.node, recorder.options.name, recorder.options.metrics


def test_what_is_recorded_anywhere_is_in_the_one_recorder(tmp_path: Path) -> None:
    recorder = capture.configure(tmp_path, node=NODE, name="lab")
    one = capture.record("m", "x", 1, timestamp=5, code=told)
    two = capture.derive("m", "y", 2, inputs=[one], contribution="double", timestamp=6)
    capture.flush()
    assert recorder.reading(two).value == 2
    assert recorder.inputs(two) == (one,)


@pytest.mark.parametrize(
    "call", [lambda: capture.record("m", "x", 1), lambda: capture.derive("m", "x", 1, inputs=[]), capture.flush]
)
def test_before_it_is_configured_every_call_says_what_to_do(call: object) -> None:
    assert callable(call)
    with pytest.raises(ConfigError, match=r'call capture\.configure\("var/lab", node="0000a1"\) first'):
        call()
    capture.close()


def test_it_is_configured_once_until_it_is_closed(tmp_path: Path) -> None:
    recorder = capture.configure(tmp_path / "one", node=NODE)
    with pytest.raises(ConfigError, match=r"records in .*one already: close\(\) ends that"):
        capture.configure(tmp_path / "two", node=NODE)
    recorder.close()
    capture.configure(tmp_path / "two", node=NODE)
    capture.close()
    capture.configure(tmp_path / "two", node=NODE).close()


def test_without_a_node_the_2018_environment_says_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in ENVIRONMENT.items():
        monkeypatch.setenv(key, value)
    recorder = capture.configure(tmp_path, name="bench")
    assert told(recorder) == (0xA3, "bench", ("ctime", "loc"))


def test_a_recorder_is_configured_as_a_2018_node_was(tmp_path: Path) -> None:
    file = tmp_path / "provenance.properties"
    file.write_text(PROPERTIES)
    for environment in (ENVIRONMENT, {"provenance_properties": str(file)}):
        with Recorder.from_environment(tmp_path, environment) as recorder:
            assert told(recorder) == (0xA3, "lab", ("ctime", "loc"))


def test_properties_that_java_wrote_in_its_old_encoding_are_read() -> None:
    settings = settings_of({"provenance_properties": "f"}, lambda _: "NODE_NAME = Zähler".encode("latin-1"))
    assert settings.name == "Zähler"


@pytest.mark.parametrize(
    ("environment", "why"),
    [
        ({}, "set CONF_LOC=EVAR, or provenance_properties=FILE"),
        ({"provenance_properties": "nowhere"}, "nowhere: cannot be read: No such file"),
        ({"CONF_LOC": "EVAR", "NODE_ID": "x"}, "environment: NODE_ID"),
    ],
)
def test_a_configuration_that_is_not_there_is_told(tmp_path: Path, environment: dict[str, str], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        Recorder.from_environment(tmp_path, environment)
