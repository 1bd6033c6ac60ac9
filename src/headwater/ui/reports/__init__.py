"""The page of reports and of failures on purpose."""
