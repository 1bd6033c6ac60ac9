"""The node log: append-only segments, one writer, named readers, and recovery. PROTOCOL.md has the rules."""
