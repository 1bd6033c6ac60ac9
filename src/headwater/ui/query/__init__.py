"""The page that asks in SQL."""
