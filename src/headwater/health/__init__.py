"""Who failed: verdicts on nodes, links and daemons from what is heard of them."""
