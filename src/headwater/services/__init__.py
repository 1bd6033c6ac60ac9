"""Real servers beside Headwater, for tests and for trying things out: installed and run without Docker or root."""
