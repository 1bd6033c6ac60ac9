"""The library a programmer imports to record data points, and what configures it."""
