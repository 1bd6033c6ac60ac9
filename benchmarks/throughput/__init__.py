"""The path from sensor to endpoint, measured: ours with and without provenance, and the protocol of 2018."""
