"""Tests of SQL over a store."""
