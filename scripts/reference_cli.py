"""The parts of `docs/cli.md`: what each command's --help says."""

import contextlib
import io
import os
from unittest import mock

from headwater.cli.main import COMMANDS, listing, main


def parts() -> dict[str, str]:
    """By command; `headwater` is the list of them."""
    made = {"headwater": _block(listing())}
    for command in COMMANDS:
        made[command.name] = _block(_help(command.name))
    return made


def _help(command: str) -> str:
    said = io.StringIO()
    # Widths and colours of whoever runs this are no part of the page.
    fixed = {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
    with mock.patch.dict(os.environ, fixed), contextlib.redirect_stdout(said):
        if main([command, "--help"]) != 0:
            raise SystemExit(f"headwater {command} --help failed")
    return said.getvalue()


def _block(text: str) -> str:
    lines = "\n".join(line.rstrip() for line in text.strip().splitlines())
    return f"```\n{lines}\n```\n"
