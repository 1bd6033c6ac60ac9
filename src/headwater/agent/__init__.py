"""The provenance daemon: reads the node log, ships its stamps and serves readings by id."""
