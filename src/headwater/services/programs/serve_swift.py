"""Serves a whole Swift, proxy, accounts, containers and objects, from one process; runs in its environment.

serve_swift.py FOLDER PORT: the folder holds `swift.conf` and `proxy-server.conf`, and gets rings and devices.
"""

import eventlet

eventlet.monkey_patch()  # Before every other import.

import logging  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
from array import array  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

folder, port = Path(sys.argv[1]), int(sys.argv[2])
os.environ["SWIFT_DIR"] = str(folder)

from eventlet import wsgi  # noqa: E402
from swift.account.server import AccountController  # noqa: E402
from swift.common import constraints, storage_policy, utils  # noqa: E402
from swift.common.http_protocol import SwiftHttpProtocol  # noqa: E402
from swift.common.ring import RingData  # noqa: E402
from swift.common.wsgi import loadapp  # noqa: E402
from swift.container.server import ContainerController  # noqa: E402
from swift.obj.server import ObjectController  # noqa: E402

SERVERS = {"account": AccountController, "container": ContainerController, "object": ObjectController}


def main() -> None:
    utils.set_swift_dir(str(folder))
    constraints.reload_constraints()
    utils.validate_hash_conf()
    storage_policy.reload_storage_policies()
    devices = folder / "devices"
    (devices / "d1").mkdir(parents=True, exist_ok=True)
    options = {
        "devices": str(devices),
        "swift_dir": str(folder),
        "mount_check": "false",
        "disable_fallocate": "true",
        "fallocate_reserve": "0",
        "workers": "0",
    }
    for server, controller in SERVERS.items():
        listener = eventlet.listen(("127.0.0.1", 0))
        write_ring(server, listener.getsockname()[1])
        serve(listener, controller(dict(options)))
    proxy = loadapp(str(folder / "proxy-server.conf"), global_conf={"log_level": "ERROR"})
    serve(eventlet.listen(("127.0.0.1", port)), proxy).wait()


def write_ring(server: str, port: int) -> None:
    """One replica in four partitions on one device."""
    device = {"id": 0, "region": 1, "zone": 1, "weight": 1.0, "device": "d1", "ip": "127.0.0.1", "port": port}
    device |= {"replication_ip": "127.0.0.1", "replication_port": port}
    RingData([array("H", [0] * 4)], [device], 30).save(str(folder / f"{server}.ring.gz"))


def serve(listener: Any, app: Any) -> Any:
    """Have an application answer there; the thread that does."""
    return eventlet.spawn(
        wsgi.server, listener, app, log=logging.getLogger("wsgi"), log_output=False, protocol=SwiftHttpProtocol
    )


if __name__ == "__main__":
    main()
