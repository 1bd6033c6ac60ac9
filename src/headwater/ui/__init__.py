"""The dashboard: pages over the REST API, shown by a process of its own."""
