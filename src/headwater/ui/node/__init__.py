"""One node: how it stands, what it does, and what went through it last."""
