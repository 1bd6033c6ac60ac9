"""The grid at a glance: the home page."""
