"""Where a 2018 node looks for its configuration."""

from collections.abc import Callable, Mapping
from pathlib import Path

from headwater.capture.configuration import (
    FILE_KEY,
    FROM_ENVIRONMENT,
    LOCATION_KEY,
    NodeSettings,
    from_environment,
    parse_properties,
)
from headwater.model.errors import ConfigError

Read = Callable[[Path], bytes]


def settings_of(environment: Mapping[str, str], read: Read = Path.read_bytes) -> NodeSettings:
    """The settings in the variables themselves with CONF_LOC=EVAR, else in the file that `provenance_properties` names.

    ConfigError when neither is there, or names the key that cannot be used.
    """
    if environment.get(LOCATION_KEY) == FROM_ENVIRONMENT:
        return from_environment(environment)
    named = environment.get(FILE_KEY)
    if not named:
        raise ConfigError(f"no 2018 configuration: set {LOCATION_KEY}={FROM_ENVIRONMENT}, or {FILE_KEY}=FILE")
    return settings_in(Path(named), read)


def settings_in(file: Path, read: Read = Path.read_bytes) -> NodeSettings:
    """The settings in a properties file; ConfigError when it cannot be read, or names the key that cannot be used."""
    try:
        content = read(file)
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from None
    return parse_properties(_decoded(content), str(file))


def _decoded(content: bytes) -> str:
    """UTF-8, or ISO 8859-1 as Java before 9 wrote properties."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")
