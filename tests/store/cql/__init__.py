"""Tests of CQL that users ask."""
