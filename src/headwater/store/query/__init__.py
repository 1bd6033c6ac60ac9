"""SQL over the provenance of a store: one SELECT in a child process, over one relation."""
