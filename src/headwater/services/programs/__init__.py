"""Programs that run in environments of servers from PyPI; they import nothing of Headwater."""
