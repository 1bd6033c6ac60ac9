"""Tests of the node log."""
