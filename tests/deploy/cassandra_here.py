"""Stands for what is in the image of Cassandra: starts the one of `headwater services` as that image is configured.

Run as `python -m tests.deploy.cassandra_here` in a box. It answers at every address, and lets everybody in.
"""

import json
import os
import socket
import sys
from pathlib import Path

from headwater.services.cassandra import prepare

FOLDER = Path("/var/lib/cassandra")
PORTS = {"cql": 9042, "internode": 7000}


def main() -> int:
    launch = prepare(FOLDER, PORTS)
    file = FOLDER / "cassandra.yaml"
    settings = json.loads(file.read_text())
    everybody = {
        "authenticator": "AllowAllAuthenticator",
        "authorizer": "AllowAllAuthorizer",
        "rpc_address": "0.0.0.0",
        "broadcast_rpc_address": socket.gethostbyname(socket.gethostname()),
    }
    file.write_text(json.dumps({**settings, **everybody}))
    os.execvpe(launch.command[0], launch.command, {**os.environ, **launch.environment})


if __name__ == "__main__":
    sys.exit(main())
