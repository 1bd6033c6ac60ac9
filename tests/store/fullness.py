"""A disk that has no room for more of the history of health, and has again."""

from headwater.store.health import HealthWriter


def fill(writer: HealthWriter) -> None:
    """Let the disk have no room for more."""
    (pages,) = writer._connection.execute("PRAGMA page_count").fetchone()
    writer._connection.execute(f"PRAGMA max_page_count = {pages + 2}")


def free(writer: HealthWriter) -> None:
    writer._connection.execute("PRAGMA max_page_count = 1000000")
