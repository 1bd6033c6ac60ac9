"""Tests of the pipeline daemon."""
