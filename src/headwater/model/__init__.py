"""Values that every part speaks of: ids, readings, stamps, contexts, records, errors. No I/O, no clock."""
