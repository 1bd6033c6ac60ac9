"""How commands reach the server: the typed client, its failures told as those of a command line."""

from collections.abc import Iterator
from contextlib import contextmanager

from headwater.client import Client, Retries
from headwater.client.replies import DEFAULT_SERVER
from headwater.model.errors import ConfigError, Rejected, Unavailable

__all__ = ["DEFAULT_SERVER", "SERVER_KEY", "asking"]

SERVER_KEY = "HEADWATER_SERVER"
"""The environment variable that names the server when --server does not."""


@contextmanager
def asking(server: str) -> Iterator[Client]:
    """A client of a server that asks once: a person sees at once that nobody answers.

    A question that the server refuses is a ConfigError: the command line was wrong.
    """
    with Client(server, retries=Retries(times=0)) as client:
        try:
            yield client
        except Rejected as error:
            raise ConfigError(error.detail) from None
        except Unavailable as error:
            raise Unavailable(f"{error}; --server URL names another server", error.retry_after_s) from None
