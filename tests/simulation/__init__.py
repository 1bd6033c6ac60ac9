"""The real log and link code inside a seeded simulation: clock, disk and connections are passed in."""
