"""The environment variables that containers of 2018 were told what to do by, as a command line."""

import logging
import shlex
from collections.abc import Mapping, Sequence

from headwater.model.errors import ConfigError

SENSORS_KEY = "SENSOR_PARAMETERS"
"""The command line of an emulator."""
BUCKET_KEY = "BUCKET"
PIPELINE_KEY = "ARGUMENTS"
"""The command line of a pipeline process."""
UNUSED = {
    "STARTUP_DELAY": "every process waits for what it needs, and for nothing else",
    "JAVA_OPTS": "there is no Java here",
}

_logger = logging.getLogger(__name__)


def sensor_arguments(arguments: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """The arguments of an emulator: those of SENSOR_PARAMETERS, and behind them its own. ConfigError when the former
    cannot be read."""
    given = [*_words(SENSORS_KEY, environment), *arguments]
    bucket = environment.get(BUCKET_KEY)
    if SENSORS_KEY not in environment or not bucket or "--bucket" in given:
        return given
    return [*given, "--bucket", bucket if "://" in bucket else f"s3://{bucket}"]


def pipeline_arguments(arguments: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """The same of a pipeline process, whose variable is ARGUMENTS."""
    return [*_words(PIPELINE_KEY, environment), *arguments]


def tell_unused(environment: Mapping[str, str]) -> None:
    """Say which variables of 2018 change nothing."""
    for key, why in UNUSED.items():
        if environment.get(key):
            _logger.info("%s=%s changes nothing: %s", key, environment[key], why)


def _words(key: str, environment: Mapping[str, str]) -> list[str]:
    try:
        return shlex.split(environment.get(key, ""))
    except ValueError as error:
        raise ConfigError(f"the environment variable {key} cannot be read: {error}") from None
