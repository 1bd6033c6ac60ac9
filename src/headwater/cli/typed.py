"""Commands whose options are the parameters of a function: typer, kept to one command and told to raise."""

from collections.abc import Callable

import typer

from headwater.model.errors import ConfigError


def run(name: str, command: Callable[..., int], arguments: list[str]) -> int:
    """Call a command with the arguments of a command line; ConfigError when they do not fit its parameters."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command()(command)
    try:
        return int(app(arguments, prog_name=f"headwater {name}", standalone_mode=False) or 0)
    except typer.Exit as end:
        return int(end.exit_code)
    except typer.Abort:
        raise KeyboardInterrupt from None
    except Exception as error:
        # typer's usage errors have no public base class in common over its versions.
        if (message := getattr(error, "format_message", None)) is None:
            raise
        raise ConfigError(f"{message().rstrip('.')}; headwater {name} --help shows what there is") from None
