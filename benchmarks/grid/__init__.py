"""Topologies to measure: a host and its processes per node, on a network of their own or on loopback."""
