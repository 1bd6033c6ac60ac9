"""Faults on purpose: what is done to a running topology, and an observer that times how it is noticed."""
