"""Topologies that stay: one topology file becomes a Compose file, manifests for Kubernetes, or units of systemd.

A topology says how processes on machines find each other. `contained` derives the one that holds inside containers,
`plan_of` the containers themselves; `compose` and `kubernetes` write them down. All of it is pure.
"""
