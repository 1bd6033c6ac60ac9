"""All targets: whoever adds one that reads what anyone may send adds a line here."""

from tests.campaigns.fuzzing import entry, sql, wire
from tests.campaigns.fuzzing.target import Target

TARGETS = (
    Target("codec", "a payload of any bytes is refused, or read as what would be written again", wire.payloads),
    Target("records", "a log record of any bytes is refused, or read as what would be written again", wire.records),
    Target("push_data", "a message of 2018 is refused by name, or logged to the last bit", entry.messages),
    Target("payloads", "any JSON, NDJSON, SenML or CSV gives readings, and problems with their place", entry.payloads),
    Target("sql", "a statement writes nothing, reads no file, calls nobody and keeps its limits", sql.statements),
)
