"""Tests of the provenance store."""
