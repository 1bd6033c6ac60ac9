"""The garbage collector looks again and again neither at values nor at what a daemon began with."""

import importlib
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

import headwater.model
from tests.brokers import free_port

# Tells, with the line that says that a daemon answers, how many objects are kept out of collections.
TELLING = """
import gc, logging, sys
from headwater.cli.main import main

class Telling(logging.Handler):
    def emit(self, record):
        if " on port " in record.getMessage():
            print(gc.get_freeze_count(), flush=True)

logging.getLogger("headwater").addHandler(Telling())
main(sys.argv[1:])
"""


def test_no_value_is_tracked() -> None:
    found = pkgutil.iter_modules(headwater.model.__path__, "headwater.model.")
    modules = [importlib.import_module(one.name) for one in found]
    values = {
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, msgspec.Struct) and value.__struct_config__.array_like
    }

    assert len(values) > 10
    assert [value.__name__ for value in values if value.__struct_config__.gc is not False] == []


def test_what_a_daemon_begins_with_is_kept_out_of_collections(tmp_path: Path) -> None:
    node = ("--node", "000001", "--data", str(tmp_path))
    with kept("gateway", *node, "--port", str(free_port())) as gateway:
        assert gateway > 10_000
    with kept("agent", *node, "--listen", f"127.0.0.1:{free_port()}") as agent:
        assert agent > 10_000


@contextmanager
def kept(*arguments: str) -> Iterator[int]:
    """A daemon that answers; how many objects it keeps out."""
    with subprocess.Popen([sys.executable, "-c", TELLING, *arguments], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()
            process.wait(30)
