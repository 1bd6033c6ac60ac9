"""Where a process of ours says what it does: standard error, one line each, times in UTC."""

import logging
import sys
import time


def configure(verbose: bool = False) -> None:
    """Send log lines to standard error, from INFO on, or from DEBUG on when verbose."""
    handler = logging.StreamHandler(sys.stderr)
    formatter = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=logging.DEBUG if verbose else logging.INFO)
    if not verbose:
        logging.getLogger("httpx").setLevel(
            logging.WARNING
        )  # It says every request, of which pages make some a second.
