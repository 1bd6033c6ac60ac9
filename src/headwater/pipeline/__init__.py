"""The pipeline daemon: takes readings in, logs them, forwards them, and runs the steps over the log."""
