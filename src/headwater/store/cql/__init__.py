"""CQL of users: one SELECT of named partitions, parsed by a grammar of ours and written anew."""
