"""Topologies in containers: one topology file becomes a Compose file, or manifests for Kubernetes.

A topology says how processes on machines find each other. `contained` derives the one that holds inside containers,
`plan_of` the containers themselves; `compose` and `kubernetes` write them down. All of it is pure.
"""
