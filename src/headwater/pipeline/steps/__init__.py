"""The steps of a node: what they do to readings, and the chain that folds the log through them."""
