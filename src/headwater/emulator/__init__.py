"""Sensors that replay recorded readings, or make up realistic ones."""
