"""Tests of what goes on disk and on the wire."""
