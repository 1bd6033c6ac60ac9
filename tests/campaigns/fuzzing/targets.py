"""All targets: whoever adds one that reads what anyone may send adds a line here."""

from tests.campaigns.fuzzing import sql, wire
from tests.campaigns.fuzzing.target import Target

TARGETS = (
    Target("codec", "a payload of any bytes is refused, or read as what would be written again", wire.payloads),
    Target("records", "a log record of any bytes is refused, or read as what would be written again", wire.records),
    Target("sql", "a statement writes nothing, reads no file, calls nobody and keeps its limits", sql.statements),
)
