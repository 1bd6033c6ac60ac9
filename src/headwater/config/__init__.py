"""Configuration as types: a topology file becomes the options of every process that it names.

Nothing below this folder knows that a configuration file exists. Paths in a topology file are relative to the folder
of that file, so that a topology means the same wherever it is started from.
"""

from pathlib import Path

from headwater.config.read import read_topology
from headwater.config.toml import read_file
from headwater.config.topology import ServerOptions, Topology
from headwater.config.write import format_topology, with_free_ports

__all__ = [
    "ServerOptions",
    "Topology",
    "format_topology",
    "load_topology",
    "with_free_ports",
]


def load_topology(path: Path) -> Topology:
    """What a topology file says; ConfigError names what is wrong in it, and where."""
    return read_topology(read_file(path), path.absolute().parent)
