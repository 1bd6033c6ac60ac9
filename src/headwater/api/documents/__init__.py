"""The JSON documents of the API, field by field; what is unset is left out.

The names of 2018 are kept as they are, `lable` included. Fields that 2018 did not know are marked `Detail`: they are
set only in answers to ?detail=true.
"""

from headwater.api.documents.answers import Alive, Problem
from headwater.api.documents.cluster import Node, NodeStat, Place
from headwater.api.documents.folded import (
    Direction,
    FoldedCard,
    FoldedLineage,
    Group,
    Into,
    NeighbourPart,
    Neighbours,
    NodeCount,
    PointsQuestion,
    SeriesCount,
    Span,
)
from headwater.api.documents.health import (
    Account,
    Clock,
    ClusterHealth,
    HealthAlarm,
    HealthEvent,
    HealthLink,
    HealthNode,
    Judged,
    Subject,
)
from headwater.api.documents.lineage import Found, LineageAnswer, LineageQuestion
from headwater.api.documents.live import LiveLink, LiveNode, LiveRates, LiveStamp, Missed
from headwater.api.documents.points import Contribution, Datapoint, Location, Origin, PointContext
from headwater.api.documents.query import (
    CqlKeyspace,
    CqlQuestion,
    CqlTable,
    PqlAnswer,
    PqlQuestion,
    SqlAnswer,
    SqlColumn,
    SqlQuery,
    SqlQuestion,
)
from headwater.api.documents.store import Alarm, ExpiredPeriod, IdRun, Loss, Period, Report, Totals
from headwater.api.documents.words import HealthWord, HexId, HexNode, Milliseconds, ValueState

__all__ = [
    "Account",
    "Alarm",
    "Alive",
    "Clock",
    "ClusterHealth",
    "Contribution",
    "CqlKeyspace",
    "CqlQuestion",
    "CqlTable",
    "Datapoint",
    "Direction",
    "ExpiredPeriod",
    "FoldedCard",
    "FoldedLineage",
    "Found",
    "Group",
    "HealthAlarm",
    "HealthEvent",
    "HealthLink",
    "HealthNode",
    "HealthWord",
    "HexId",
    "HexNode",
    "IdRun",
    "Into",
    "Judged",
    "LineageAnswer",
    "LineageQuestion",
    "LiveLink",
    "LiveNode",
    "LiveRates",
    "LiveStamp",
    "Location",
    "Loss",
    "Milliseconds",
    "Missed",
    "NeighbourPart",
    "Neighbours",
    "Node",
    "NodeCount",
    "NodeStat",
    "Origin",
    "Period",
    "Place",
    "PointContext",
    "PointsQuestion",
    "PqlAnswer",
    "PqlQuestion",
    "Problem",
    "Report",
    "SeriesCount",
    "Span",
    "SqlAnswer",
    "SqlColumn",
    "SqlQuery",
    "SqlQuestion",
    "Subject",
    "Totals",
    "ValueState",
]
