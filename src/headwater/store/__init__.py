"""The provenance store: who made which data point from which others."""
