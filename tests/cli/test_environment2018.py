"""Containers of 2018 were told what to do by variables; ours understand them."""

import logging
from pathlib import Path

import pytest

from headwater.cli.emulate import parser, sensor_options
from headwater.cli.environment2018 import pipeline_arguments, sensor_arguments, tell_unused
from headwater.cli.gateway import gateway_options
from headwater.cli.gateway import parser as gateway_parser
from headwater.emulator.options import SensorOptions
from headwater.model.errors import ConfigError

PARAMETERS = (
    "-sourceFolder /data -targetAddress gateway1:50051 -targetType grpc-pipeline -frequency 10000 "
    "-sensorIdProvider idprovider:8080"
)
OPTIONS = {"target": "gateway1:50051", "frequency_ms": 10_000, "sensor_id_provider": "idprovider:8080"}


def options(environment: dict[str, str], *arguments: str) -> SensorOptions:
    return sensor_options(parser().given(sensor_arguments(arguments, environment)), False)


def made(**more: object) -> SensorOptions:
    return SensorOptions(journal=Path("var/sensors"), **OPTIONS, **more)  # type: ignore[arg-type]


def test_sensor_parameters_are_a_command_line() -> None:
    assert options({"SENSOR_PARAMETERS": PARAMETERS}) == made(data=Path("/data"))
    assert options({"SENSOR_PARAMETERS": PARAMETERS}, "-frequency", "5").frequency_ms == 5


def test_a_bucket_takes_the_place_of_the_folder() -> None:
    environment = {"SENSOR_PARAMETERS": PARAMETERS, "BUCKET": "days", "REGION": "eu-central-1"}
    assert options(environment) == made(bucket="s3://days")
    assert options({**environment, "BUCKET": "s3://days/2017"}).bucket == "s3://days/2017"
    assert options(environment, "--bucket", "s3://other").bucket == "s3://other"


def test_a_bucket_alone_is_somebody_elses_variable() -> None:
    assert options({"BUCKET": "days"}) == SensorOptions(journal=Path("var/sensors"))


def test_parameters_that_cannot_be_read_are_named() -> None:
    with pytest.raises(ConfigError, match="SENSOR_PARAMETERS cannot be read: No closing quotation"):
        options({"SENSOR_PARAMETERS": "-sourceFolder 'days"})


def test_arguments_are_those_of_a_pipeline_process() -> None:
    environment = {"CONF_LOC": "EVAR", "ARGUMENTS": "-p 6000 -hn next -pn 50051 -loc roof", "NODE_ID": "00000a"}
    given = gateway_parser().given(pipeline_arguments(["--host", "0.0.0.0"], environment))
    made = gateway_options(given, environment)
    assert (made.listen, made.next, made.location.label, made.node) == ("0.0.0.0:6000", "next:50051", "roof", 10)


def test_a_delay_at_the_start_is_not_waited_for_and_that_is_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        tell_unused({"STARTUP_DELAY": "20", "JAVA_OPTS": "-Xmx1g", "OTHER": "1"})
    assert [record.message.partition(":")[0] for record in caplog.records] == [
        "STARTUP_DELAY=20 changes nothing",
        "JAVA_OPTS=-Xmx1g changes nothing",
    ]
