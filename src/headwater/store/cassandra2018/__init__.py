"""The four tables of 2018 in Cassandra: read as a store, and written for tools of 2018."""
