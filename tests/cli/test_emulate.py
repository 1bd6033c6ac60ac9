"""`headwater emulate`: the options of 2018, and ours."""

from pathlib import Path

import pytest

from headwater.cli.emulate import parser, sensor_options
from headwater.config import load_topology
from headwater.emulator.options import SensorOptions
from headwater.model.errors import ConfigError

FORK = Path(__file__).resolve().parents[2] / "examples/topologies/fork.toml"


def options(*arguments: str, progress: bool = False) -> SensorOptions:
    return sensor_options(parser().given(arguments), progress)


def test_without_arguments_it_makes_up_load() -> None:
    assert options() == SensorOptions(journal=Path("var/sensors"))
    assert options(progress=True).progress


def test_the_options_of_2018_mean_what_they_meant() -> None:
    old = ("-sourceFolder", "days", "-targetAddress", "roof:6000", "-targetType", "grpc-pipeline", "-frequency", "100")
    made = SensorOptions(journal=Path("var/sensors"), data=Path("days"), target="roof:6000", frequency_ms=100)
    assert options(*old) == made
    assert options("-sourceFolder=days", "-targetAddress=roof:6000", "-frequency=100") == made
    assert options("--data", "days", "--target", "roof:6000", "--frequency-ms", "100") == made


def test_every_option_is_taken() -> None:
    given = {
        "rate": 5.5, "speed": 2.0, "ticks": 7, "timestamps": "now", "meters": 3, "first_meter": 9, "step_s": 0.5,
        "start_ms": 1000, "seed": 4, "meter_column": "m", "metric_column": "q", "time_column": "t",
        "time_format": "%Y", "zone": "Europe/Berlin", "delimiter": ";",
    }  # fmt: skip
    arguments = [text for name, value in given.items() for text in (f"--{name}", str(value))]
    made = options(
        *arguments, "--loop", "--keep_journal", "--journal", "j", "--value_column", "a", "--value_column", "b"
    )
    assert {name: getattr(made, name) for name in given} == given
    assert (made.loop, made.keep_journal, made.journal, made.value_column) == (True, True, Path("j"), ("a", "b"))


def test_a_topology_file_says_everything() -> None:
    assert options("--config", str(FORK), "--name", "sensorsB") == load_topology(FORK).sensor("sensorsB")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--rate", "1", "-frequency", "5"), "--rate takes the place of --frequency_ms: give one of the two"),
        (("--rate", "nan"), "command line: rate = nan: expected float > 0.0"),
        (("--speed", "inf"), "command line: speed = inf: expected float <= 1000000.0"),
        (("--frequency_ms", "0"), "command line: frequency_ms = 0: expected int >= 1"),
        (("--meters", "0"), "command line: meters = 0: expected int >= 1"),
        (("--timestamps", "later"), "invalid choice: 'later'"),
        (("-targetType", "kafka"), "invalid choice: 'kafka'"),
        (("--target", "roof"), '"roof" is not an address'),
        (("--config", str(FORK), "--rate", "5"), "--rate does not go with --config"),
        (("--config", str(FORK)), "--config needs --name with it, one of: sensorsA, sensorsB"),
        (("--name", "x"), "--name goes with --config"),
    ],
)
def test_what_cannot_be_used_is_named(arguments: tuple[str, ...], told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        options(*arguments)
    assert told in str(caught.value)
