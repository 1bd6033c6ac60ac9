"""The lineage of a data point: what is asked for it, how it is drawn, and its page."""
