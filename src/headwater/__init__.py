"""Headwater: sensor readings with exact provenance."""

__version__ = "0.1.0"
