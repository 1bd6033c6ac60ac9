"""Tests of the provenance daemon."""
