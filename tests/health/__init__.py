"""The detector and the judge."""
