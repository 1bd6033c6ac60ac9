"""`headwater emulate`: runs sensors, with the options of 2018 or from a topology file."""

import os
import sys
from pathlib import Path

from msgspec.structs import replace

from headwater.cli import logs
from headwater.cli.arguments import Parser, address, command_line, name_of, topology_of, without_file
from headwater.cli.environment2018 import sensor_arguments, tell_unused
from headwater.emulator.options import SensorOptions
from headwater.model.errors import ConfigError

SAME = tuple(key for key in SensorOptions.__struct_fields__ if key not in ("name", "site", "progress"))
"""The options that the command line calls by the same name."""


def main(arguments: list[str]) -> int:
    """Run sensors until their readings end, or they are told to stop."""
    given = parser().given(sensor_arguments(arguments, os.environ))
    logs.configure(bool(given.get("verbose")))
    tell_unused(os.environ)
    options = sensor_options(given, progress=sys.stderr.isatty() and "quiet" not in given)
    from headwater import node

    return node.run_emulator(options)


def parser() -> Parser:
    """What `headwater emulate` understands."""
    made = Parser(
        "emulate",
        "Runs sensors that replay CSV files towards a gateway, or make up the load of households when there are none. "
        "A killed emulator goes on where it was.",
        "headwater emulate [options]\n       headwater emulate --config T.toml --name SENSORS",
        """examples:
  headwater emulate --meters 50 --frequency_ms 100 --target 127.0.0.1:50051
  headwater emulate -sourceFolder days/ -targetAddress 127.0.0.1:50051 -frequency 1000
  headwater emulate --data power.csv.gz --meter_column customer --time_column read_at --value_column kwh

Long options may be written with dashes.""",
    )
    _add_replay(made)
    _add_columns(made)
    made.option("--config", type=Path, metavar="T.toml", help="take everything from a topology file")
    made.option("--name", metavar="NAME", help="with --config, which [[sensors]] these are")
    made.option("--quiet", action="store_true", help="show no progress line")
    made.option("-v", "--verbose", action="store_true", help="say more")
    return made


def sensor_options(given: dict[str, object], progress: bool) -> SensorOptions:
    """The options of sensors from a command line; ConfigError names what cannot be used."""
    if "config" in given:
        topology = topology_of(given, ("quiet", "verbose"))
        return replace(topology.sensor(name_of(given, topology.sensors)), progress=progress)
    without_file(given)
    if "rate" in given and "frequency_ms" in given:
        raise ConfigError("--rate takes the place of --frequency_ms: give one of the two")
    values: dict[str, object] = {"journal": Path("var") / "sensors", "progress": progress}
    values |= {key: given[key] for key in SAME if key in given}
    if "bucket" in given:
        values.pop("data", None)  # In 2018 this was where the files of the bucket were put.
    return command_line(given).build(SensorOptions, values)


def _add_replay(made: Parser) -> None:
    made.option("-targetAddress", "--target", type=address, metavar="HOST:PORT", help="first hop (127.0.0.1:50051)")
    made.option("-targetType", choices=["grpc-pipeline"], help="as in 2018: there is one")
    made.option("-sourceFolder", "--data", type=Path, metavar="PATH", help="a CSV file, or a folder of them; .gz too")
    made.option("--bucket", metavar="URL", help="fetch them from s3://BUCKET/PREFIX instead")
    made.option("--bucket_endpoint", metavar="URL", help="of the server that has it (AWS_ENDPOINT_URL, or Amazon's)")
    made.option("--bucket_region", metavar="REGION", help="where it is (AWS_REGION, or us-east-1)")
    made.option(
        "-frequency", "--frequency_ms", type=int, metavar="MS", help="a tick: every meter's next reading (1000)"
    )
    made.option("--rate", type=float, metavar="N", help="readings a second over all meters, instead")
    made.option("--speed", type=float, metavar="X", help="ticks come so many times faster (1)")
    made.option("--ticks", type=int, metavar="N", help="stop after so many ticks")
    made.option("--loop", action="store_true", help="begin again when the readings end")
    made.option("--timestamps", choices=["recorded", "now"], help="keep recorded times, or stamp now (recorded)")
    made.option("--meters", type=int, metavar="N", help="how many households to make up (100), or ids to take")
    made.option(
        "-sensorIdProvider",
        "--sensorIdProvider",
        "--sensor_id_provider",
        dest="sensor_id_provider",
        type=address,
        metavar="HOST:PORT",
        help="take the ids of the meters, and so their files, from there",
    )
    made.option("--first_meter", type=int, metavar="N", help="the number of the first of them (1)")
    made.option("--step_s", type=float, metavar="S", help="event time between two ticks made up (60)")
    made.option("--start_ms", type=int, metavar="MS", help="event time of the first (today's midnight, UTC)")
    made.option("--seed", type=int, metavar="N", help="which made-up load (0)")
    made.option("--journal", type=Path, metavar="DIR", help="remembers how far the replay is (var/sensors)")
    made.option("--shared_journal", action="store_true", help="take a folder in it that no other emulator has")
    made.option("--keep_journal", action="store_true", help="keep every reading sent in it")


def _add_columns(made: Parser) -> None:
    for what in ("meter", "metric", "time"):
        made.option(f"--{what}_column", metavar="NAME", help=f"the column with the {what} (recognised)")
    made.option("--value_column", metavar="NAME", action="append", help="a column with values (recognised)")
    made.option("--time_format", metavar="FORMAT", help="iso, epoch, s, ms or as strptime reads it (recognised)")
    made.option("--delimiter", metavar="MARK", help="what stands between columns (recognised)")
    made.option("--zone", metavar="ZONE", help="the time zone of times that name none (UTC)")
