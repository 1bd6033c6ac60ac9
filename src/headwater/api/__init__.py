"""The REST API: who answers which path, and in which documents."""
