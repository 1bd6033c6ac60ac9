"""Bytes per message as measured in 2018: from Docker's counters, one run each, mean over buffers 1, 5 and 10.

In and out of each component; the store got so many kB in 120 s at some 58 messages a second and source.
"""

MESSAGES_A_SOURCE = 7450
InOut = tuple[float, float]

_ONE = ("endpoint",)
_TWO = ("gatewayA", "endpoint")
_FORK = ("gatewayA", "gatewayB", "gatewayC", "endpoint")
COMPONENTS = {"single": _ONE, "two-node": _TWO, "fork": _FORK}
SOURCES = {"single": 1, "two-node": 1, "fork": 2}

_SINGLE: dict[str, tuple[InOut, ...]] = {
    "none": ((78.7, 10.9),),
    "ctime": ((95.3, 161.7),),
    "loc": ((104.0, 238.1),),
    "app": ((106.7, 188.5),),
    "class": ((107.3, 188.9),),
    "stime": ((105.3, 184.9),),
    "rtime": ((104.5, 184.0),),
    "meterid": ((101.5, 189.0),),
    "metricid": ((104.6, 188.5),),
    "full": ((106.7, 385.6),),
}
_TWO_NODE: dict[str, tuple[InOut, ...]] = {
    "none": ((156.3, 202.1), (187.3, 71.1)),
    "ctime": ((166.6, 350.7), (215.8, 267.1)),
    "loc": ((174.7, 435.2), (225.6, 341.3)),
    "app": ((173.3, 384.8), (228.0, 289.4)),
    "class": ((174.3, 379.7), (222.0, 289.1)),
    "stime": ((173.4, 380.2), (226.7, 287.7)),
    "rtime": ((172.9, 383.0), (229.4, 287.1)),
    "meterid": ((172.8, 384.7), (222.5, 295.7)),
    "metricid": ((174.2, 382.3), (223.2, 291.5)),
    "full": ((177.3, 638.6), (284.7, 490.6)),
}
_THREE_GATEWAYS: dict[str, tuple[InOut, ...]] = {
    "none": ((152.2, 197.9), (154.7, 201.3), (254.9, 279.9), (206.3, 65.2)),
    "ctime": ((165.8, 348.7), (172.0, 353.6), (282.9, 456.1), (209.7, 262.8)),
    "loc": ((174.5, 434.1), (178.8, 438.7), (291.9, 538.9), (219.0, 338.3)),
    "app": ((175.8, 386.1), (181.5, 390.0), (295.2, 489.6), (222.0, 284.7)),
    "class": ((178.7, 382.4), (176.1, 380.1), (289.0, 483.5), (216.1, 285.5)),
    "stime": ((177.9, 384.8), (177.7, 383.8), (293.4, 485.5), (219.5, 283.2)),
    "rtime": ((176.2, 385.1), (175.2, 384.0), (295.2, 488.7), (222.5, 283.1)),
    "meterid": ((175.4, 386.9), (175.6, 386.4), (289.2, 490.1), (215.7, 290.7)),
    "metricid": ((178.3, 386.6), (178.8, 385.0), (289.4, 486.6), (216.4, 287.2)),
    "full": ((179.1, 642.6), (178.7, 642.1), (355.9, 744.0), (278.2, 487.1)),
}
_BYTES = {"single": _SINGLE, "two-node": _TWO_NODE, "fork": _THREE_GATEWAYS}
_STORE_KB = {
    "single": {"ctime": 1153, "loc": 1713, "app": 1317, "class": 1320, "stime": 1307, "rtime": 1307, "meterid": 1367,
               "metricid": 1340, "full": 2783},
    "two-node": {"ctime": 2613, "loc": 3713, "app": 2927, "class": 2917, "stime": 2877, "rtime": 2900, "meterid": 3033,
                 "metricid": 2953, "full": 5897},
    "fork": {"ctime": 8267, "loc": 11700, "app": 9277, "class": 9290, "stime": 9200, "rtime": 9197, "meterid": 9577,
             "metricid": 9393, "full": 18533},
}  # fmt: skip


def published(shape: str, context: str, component: str) -> InOut | None:
    """Bytes in and out per message in 2018; None where nothing was published."""
    figures = _BYTES.get(shape, {}).get(context)
    if figures is None or component not in COMPONENTS[shape]:
        return None
    return figures[COMPONENTS[shape].index(component)]


def published_store(shape: str, context: str) -> float | None:
    """Bytes per message that the store got in 2018; None where nothing was published."""
    kb = _STORE_KB.get(shape, {}).get(context)
    return None if kb is None else 1000 * kb / (SOURCES[shape] * MESSAGES_A_SOURCE)


def published_nodes(shape: str, context: str) -> float | None:
    """Bytes in and out of all nodes together for each message of a source; None where nothing was published."""
    figures = _BYTES.get(shape, {}).get(context)
    if figures is None:
        return None
    # Of two sources each has a gateway of its own, which half of the messages pass.
    shares = (1 / 2, 1 / 2, 1, 1) if shape == "fork" else (1,) * len(figures)
    return sum(share * sum(in_out) for share, in_out in zip(shares, figures, strict=True))
