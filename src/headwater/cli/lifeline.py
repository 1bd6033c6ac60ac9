"""The lifeline of a child process: a pipe that breaks when its supervisor is gone, however that ended.

The supervisor alone holds the writing end. Its children inherit the reading end and wait for it to close, which the
system does even after a kill -9; then they stop like on SIGTERM, and after a grace they are gone.
"""

import os
import signal
import threading
import time
from collections.abc import MutableMapping

PIPE_KEY = "HEADWATER_PARENT_PIPE"
"""The environment variable that names the reading end's file descriptor."""
GRACE_S = 5.0


def hold(environment: MutableMapping[str, str], grace_s: float = GRACE_S) -> bool:
    """Stop this process when its supervisor ends; False when it has none."""
    named = environment.pop(PIPE_KEY, "")
    if not named.isdecimal():
        return False
    pipe = int(named)
    try:
        os.set_inheritable(pipe, False)
    except OSError:
        return False
    threading.Thread(target=_wait, args=(pipe, grace_s), name="lifeline", daemon=True).start()
    return True


def _wait(pipe: int, grace_s: float) -> None:
    while os.read(pipe, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(grace_s)
    os.kill(os.getpid(), signal.SIGKILL)
