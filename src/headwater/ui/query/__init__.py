"""The page that asks in SQL, and in CQL where the store is on Cassandra."""
