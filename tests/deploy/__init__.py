"""Deployments: what is written for them, and each run as plain processes in a small engine of its own."""
