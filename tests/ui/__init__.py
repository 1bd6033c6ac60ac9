"""Tests of the dashboard, in a browser where that matters."""
