"""The words that fields of many documents hold."""

from typing import Annotated, Literal

from msgspec import Meta

HexId = Annotated[str, Meta(pattern="^[0-9a-f]{20}$", description="a data point id")]
HexNode = Annotated[str, Meta(pattern="^[0-9a-f]{6}$", description="a node id")]
Milliseconds = Annotated[int, Meta(description="ms since the epoch, UTC")]
HealthWord = Literal["Green", "Yellow", "Red"]
ValueState = Literal["unknown", "expired", "damaged", "unreachable"]
