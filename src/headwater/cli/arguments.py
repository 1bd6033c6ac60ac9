"""Command lines of the light commands: argparse, with help that reads the same on every Python."""

import argparse
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from headwater.config import Topology, load_topology
from headwater.config.address import parse_address
from headwater.config.toml import Table
from headwater.config.topology import HasName
from headwater.model.errors import ConfigError

HELP_COLUMNS = 100


class _Help(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=32, width=HELP_COLUMNS)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        names = [name for name in action.option_strings if not _is_dashed_twin(name, action.option_strings)]
        value = "" if action.nargs == 0 else f" {action.metavar or '{' + ','.join(action.choices or ()) + '}'}"
        return ", ".join(names) + value


class Parser(argparse.ArgumentParser):
    """A parser whose namespace holds only what was given, and whose mistakes are ConfigErrors."""

    def __init__(self, command: str, sentence: str, usage: str, example: str) -> None:
        super().__init__(
            prog=f"headwater {command}",
            usage=usage,
            description=textwrap.fill(sentence, HELP_COLUMNS),
            epilog=example,
            formatter_class=_Help,
            allow_abbrev=False,
            argument_default=argparse.SUPPRESS,
        )

    def option(self, *names: str, **how: Any) -> None:
        """Add an option; a long name with underscores is known with dashes too."""
        self.add_argument(*names, *(_dashed(name) for name in names if "_" in name), **how)

    def given(self, arguments: Sequence[str]) -> dict[str, object]:
        """The options that were given, by name; ConfigError when they cannot be read."""
        return vars(self.parse_args(arguments))

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message}; {self.prog} --help shows what there is")


def port(text: str) -> int:
    """A port of the command line."""
    if not text.isdecimal() or not 1 <= int(text) <= 65_535:
        raise argparse.ArgumentTypeError(f"{text} is no port: 1 to 65535")
    return int(text)


def address(text: str) -> str:
    """A host:port of the command line."""
    try:
        return str(parse_address(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def topology_of(given: dict[str, object], allowed: Sequence[str] = ()) -> Topology:
    """The topology file of --config; ConfigError when an option stands beside it that the file decides."""
    for name in given:
        if name not in ("config", "name", *allowed):
            raise ConfigError(f"--{name} does not go with --config: the topology file says it")
    return load_topology(Path(str(given["config"])))


def without_file(given: dict[str, object]) -> None:
    """ConfigError when --name stands without the --config that it belongs to."""
    if "name" in given:
        raise ConfigError("--name goes with --config: there it picks one of the file's names")


def name_of(given: dict[str, object], options: Sequence[HasName]) -> str:
    """The name of --name, or of the only one there is; ConfigError when that is no choice."""
    if "name" in given:
        return str(given["name"])
    if len(options) != 1:
        raise ConfigError(f"--config needs --name with it, one of: {', '.join(each.name for each in options)}")
    return options[0].name


def command_line(values: dict[str, object]) -> Table:
    """The options given as a table, so that wrong ones are named like those of a file."""
    return Table("command line", "", values)


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _is_dashed_twin(name: str, names: Sequence[str]) -> bool:
    return any("_" in other and _dashed(other) == name for other in names)
