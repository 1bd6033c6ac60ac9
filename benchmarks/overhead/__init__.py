"""Data overhead, measured: bytes per reading and component with any context and without provenance."""
