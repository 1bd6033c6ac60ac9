"""Builds images as the Dockerfile says, starts each as it starts when it is told nothing, and asks it as it says.

Run as `python -m tests.deploy.build STATE IMAGE...` inside `engine.contained_command`. Prints what came of it as JSON.
"""

import sys
import time
from pathlib import Path

import msgspec

from tests.deploy.boxes import Box, Mount, Pod
from tests.deploy.builder import builder_in
from tests.deploy.engine import Engine, settle_files, settle_network

HEALTHY_S = 300.0
LIVES_S = 3.0
SAMPLE = "-sourceFolder /usr/share/headwater/sample -targetAddress nobody:50051"
ENVIRONMENTS = {"sensor": {"SENSOR_PARAMETERS": SAMPLE}}
"""What an image cannot do without."""


class Built(msgspec.Struct, frozen=True):
    """What came of one image."""

    image: str
    unhealthy: list[str]
    restarted: list[str]
    size_mb: float
    """Of all that it adds to its base."""
    said: list[str]


def main() -> int:
    state, *names = Path(sys.argv[1]), *sys.argv[2:]
    settle_files()
    builder = builder_in(state)
    images = {name: builder.image(name) for name in names}
    settle_network()
    found = []
    for name, image in images.items():
        folder = state / name
        folder.mkdir()
        box = Box(
            name=name,
            image=name,
            command=builder.command(name),
            environment=ENVIRONMENTS.get(name, {}),
            mounts=(Mount(target="/var/lib/headwater", source=str(folder / "volume")), Mount(target="/tmp")),
            user=builder.user(name),
            is_read_only=True,
            probe=builder.probe(name),
        )
        pod = Pod(name=name, of=(name,), hosts=(name,), boxes=(box,), keeps=str(folder))
        engine = Engine([pod], {name: image}, folder)
        engine.start()
        unhealthy = engine.unhealthy(HEALTHY_S)
        time.sleep(LIVES_S)
        size = sum(file.lstat().st_size for layer in image.layers[:-2] for file in layer.rglob("*") if file.is_file())
        found.append(Built(name, unhealthy, engine.restarted(), round(size / 1e6, 1), engine.said(name)))
        engine.stop()
    sys.stdout.buffer.write(msgspec.json.encode(found) + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
