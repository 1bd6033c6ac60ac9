"""`headwater idprovider`: hands out the ids that emulators name their meters by."""

import os
import re
from pathlib import Path

from headwater.cli import logs
from headwater.cli.arguments import Parser, address, command_line, port
from headwater.config.address import Address, parse_address
from headwater.emulator.options import START_ID, IdProviderOptions
from headwater.model.errors import ConfigError

START = re.compile(r"[0-9]{1,19}", re.ASCII)
START_KEY = "START_ID"
"""The environment variable of 2018."""


def main(arguments: list[str]) -> int:
    """Hand out ids until told to stop."""
    given = parser().given(arguments)
    logs.configure(bool(given.get("verbose")))
    options = idprovider_options(given, os.environ.get(START_KEY, ""))
    from headwater import node

    return node.run_idprovider(options)


def parser() -> Parser:
    """What `headwater idprovider` understands."""
    made = Parser(
        "idprovider",
        "Hands out ids over HTTP, so that emulators on any number of machines replay different meters: "
        "POST /v1/ids?count=N. No id is handed out twice, also when the provider is killed.",
        "headwater idprovider [options]",
        """examples:
  headwater idprovider --start_id 31400010000000000
  headwater emulate --sensorIdProvider 127.0.0.1:8080 --data days/""",
    )
    made.option("--listen", type=address, metavar="HOST:PORT", help="serve here (127.0.0.1:8080)")
    made.option("--port", type=port, metavar="N", help="the port alone, as in 2018 (8080)")
    made.option("--start_id", metavar="DIGITS", help=f"the first id (the variable START_ID, or {START_ID})")
    made.option("--data", type=Path, metavar="DIR", help="remembers which id is next (var/idprovider)")
    made.option("-v", "--verbose", action="store_true", help="say more")
    return made


def idprovider_options(given: dict[str, object], start_id: str = "") -> IdProviderOptions:
    """The options of an id provider from a command line; ConfigError names what cannot be used."""
    if "port" in given and "listen" in given:
        raise ConfigError("--port is a part of --listen: give one of the two")
    values: dict[str, object] = {key: given[key] for key in ("listen", "data") if key in given}
    if "port" in given:
        default = parse_address(IdProviderOptions().listen)
        values["listen"] = str(Address(default.host, int(str(given["port"]))))
    first = str(given.get("start_id", start_id))
    if first:
        if not START.fullmatch(first):
            raise ConfigError(f"{first} is no start id: 1 to 19 digits are needed")
        values["start_id"] = first
    return command_line(given).build(IdProviderOptions, values)
