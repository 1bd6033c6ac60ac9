"""The page that finds values."""
