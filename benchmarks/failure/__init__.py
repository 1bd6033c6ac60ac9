"""Failure detection, measured: real faults in a running topology, and how long until the right alarm."""
