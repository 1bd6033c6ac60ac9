"""Text of others on a terminal: what would steer the terminal is shown as a mark in its place."""

MARK = "\N{REPLACEMENT CHARACTER}"


def printable(text: str) -> str:
    """The text on one line, without control characters: a meter may be called whatever its sensor says."""
    return text if text.isprintable() else "".join(each if each.isprintable() else MARK for each in text)
