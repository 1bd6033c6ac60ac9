"""The dashboard over a large grid: what an update costs the browser, and what open pages cost the server."""
