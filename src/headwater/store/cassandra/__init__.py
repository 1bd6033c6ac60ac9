"""The provenance store on Apache Cassandra 5."""
