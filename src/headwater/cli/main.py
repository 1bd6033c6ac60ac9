"""The entry point `headwater`: finds the command, and turns every error into one sentence and an exit code.

0 done · 1 failed while running · 2 usage or configuration · 3 not found · 4 something needed does not answer ·
130 Ctrl-C
"""

import importlib
import importlib.util
import os
import sys
from difflib import get_close_matches
from typing import NamedTuple, Protocol, cast

from headwater import __version__
from headwater.cli import lifeline
from headwater.model.errors import ConfigError, HeadwaterError, NotFound, Unavailable

INTERRUPTED = 130
DEBUG_KEY = "HEADWATER_DEBUG"
"""An environment variable: when it is set, an error shows where it was raised."""


class Command(NamedTuple):
    """A command, in the module `headwater.cli.<name>`."""

    name: str
    sentence: str


COMMANDS = (
    Command("up", "start and supervise every process of a topology file"),
    Command("demo", "show the whole path on this machine, from sensors to lineage"),
    Command("status", "show how the nodes stand"),
    Command("forget", "take a node that is gone on purpose out of what is judged"),
    Command("find", "find values by meter, metric, node, time and value"),
    Command("tail", "show batches as they are stamped"),
    Command("trace", "draw where a value comes from, or what it went into"),
    Command("sql", "answer a SELECT over provenance"),
    Command("export", "write data points of a time range with their provenance to a file"),
    Command("gateway", "run a pipeline daemon: a gateway, or an endpoint when it has no next hop"),
    Command("agent", "run a provenance daemon: it ships the stamps of one node"),
    Command("server", "run the store and the REST API"),
    Command("emulate", "run sensors that replay recorded readings, or make up load"),
    Command("chaos", "put faults into a running topology, and time how they are noticed"),
    Command("relay", "be the link behind one node of a topology whose chaos is enabled"),
    Command("idprovider", "hand out ids, so that emulators replay different meters"),
    Command("compose", "write a Compose file for Docker and Docker Swarm from a topology file"),
    Command("kubernetes", "write manifests for Kubernetes from a topology file"),
    Command("service", "run what a topology has on this machine as services of systemd"),
    Command("health", "ask processes whether they serve, for probes"),
    Command("services", "install and start real servers beside Headwater: Cassandra, RabbitMQ, Swift and others"),
    Command("bench", "measure Headwater on this machine"),
)
"""All commands, those that a person needs first in front; one whose module is not there is not listed."""


class CommandModule(Protocol):
    """What the module of a command offers."""

    def main(self, arguments: list[str]) -> int:
        """Run with the arguments behind the command's name; give the exit code."""
        ...


def main(arguments: list[str] | None = None) -> int:
    """Run a command line, without the program's name; give the exit code."""
    lifeline.hold(os.environ)
    try:
        return _dispatch(sys.argv[1:] if arguments is None else arguments)
    except KeyboardInterrupt:
        return INTERRUPTED
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BrokenPipeError:
        # Whoever read the output has gone; Python would complain once more when it closes it.
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
        return 1
    except Exception as error:
        if os.environ.get(DEBUG_KEY):
            raise
        print(f"headwater: {sentence_of(error)}", file=sys.stderr)
        return exit_code_of(error)


def exit_code_of(error: Exception) -> int:
    """The exit code that tells a script what to do about an error."""
    codes: tuple[tuple[type[Exception], int], ...] = ((ConfigError, 2), (NotFound, 3), (Unavailable, 4))
    return next((code for kind, code in codes if isinstance(error, kind)), 1)


def sentence_of(error: Exception) -> str:
    """One line for a person."""
    if isinstance(error, HeadwaterError):
        text = str(error)
    elif isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    else:
        text = f"internal error, {type(error).__name__}: {error} (set {DEBUG_KEY}=1 to see where)"
    return " ".join(text.split())


def listing() -> str:
    """What `headwater --help` says."""
    commands = "\n".join(f"  {command.name:<11}{command.sentence}" for command in _present())
    return f"""usage: headwater COMMAND [options]

Carries sensor readings from the meter to the archive and says, for every value, where it came from.

commands:
{commands}

headwater COMMAND --help explains a command with an example; headwater --version tells the version.
"""


def _dispatch(arguments: list[str]) -> int:
    name, rest = (arguments[0], arguments[1:]) if arguments else ("--help", [])
    if name in ("--help", "-h", "help"):
        print(listing(), end="")
        return 0
    if name == "--version":
        print(f"headwater {__version__}")
        return 0
    names = [command.name for command in _present()]
    if name not in names:
        close = get_close_matches(name, names, n=1)
        hint = f'did you mean "{close[0]}"?' if close else "headwater --help lists the commands"
        raise ConfigError(f'no command "{name}"; {hint}')
    return _module(name).main(rest)


def _present() -> list[Command]:
    return [command for command in COMMANDS if importlib.util.find_spec(f"headwater.cli.{command.name}")]


def _module(name: str) -> CommandModule:
    try:
        return cast(CommandModule, importlib.import_module(f"headwater.cli.{name}"))
    except ModuleNotFoundError as error:
        if error.name not in ("httpx", "typer", "rich"):
            raise
        raise ConfigError(
            f'"{name}" needs {error.name}: install headwater[server], as in pip install "headwater[server]"'
        ) from None


if __name__ == "__main__":
    sys.exit(main())
