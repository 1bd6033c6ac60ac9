"""Sets of sequences as sorted ranges (first, last), both ends included, that neither overlap nor touch."""

Ranges = tuple[tuple[int, int], ...]


def add(ranges: Ranges, first: int, last: int) -> Ranges:
    """The set with the sequences `first` to `last` in it."""
    if first > last:
        return ranges
    before = tuple(span for span in ranges if span[1] < first - 1)
    after = tuple(span for span in ranges if span[0] > last + 1)
    touched = ranges[len(before) : len(ranges) - len(after)]
    if touched:
        first, last = min(first, touched[0][0]), max(last, touched[-1][1])
    return (*before, (first, last), *after)


def union(spans: Ranges) -> Ranges:
    """The set of everything in the spans, which may come in any order and overlap."""
    joined: Ranges = ()
    for first, last in spans:
        joined = add(joined, first, last)
    return joined


def holes(ranges: Ranges, first: int, last: int) -> Ranges:
    """What of `first` to `last` is not in the set."""
    found, at = [], first
    for low, high in ranges:
        if high < at:
            continue
        if low > last:
            break
        if low > at:
            found.append((at, low - 1))
        at = high + 1
    if at <= last:
        found.append((at, last))
    return tuple(found)


def covers(ranges: Ranges, first: int, last: int) -> bool:
    """Whether all of `first` to `last` is in the set."""
    return not holes(ranges, first, last)
