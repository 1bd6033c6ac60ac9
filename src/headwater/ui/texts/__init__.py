"""What the pages say, a table for each page with every language in it."""
