"""Latency overhead, measured: time in nodes, on hops and over the whole pipeline, with provenance and without."""
