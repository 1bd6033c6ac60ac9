"""Tests of the REST API: a real store, a real HTTP server, real agents."""
