"""Alarms as CloudEvents 1.0 in structured JSON (https://github.com/cloudevents/spec, v1.0.2)."""

from datetime import UTC, datetime
from urllib.parse import quote

import msgspec

from headwater.model.health import Change, Subject
from headwater.model.ids import format_node

MEDIA_TYPE = "application/cloudevents+json"
RAISED = "io.headwater.alarm.raised"
CLEARED = "io.headwater.alarm.cleared"


class Alarms:
    """Which alarms are open, change by change."""

    def __init__(self, opened: set[Subject] | None = None) -> None:
        self.opened = opened or set()

    def follow(self, change: Change) -> str | None:
        """The type of the event that a change is; None when it neither raises nor clears an alarm."""
        subject, is_alarm = change.verdict.subject, change.verdict.is_alarm
        if is_alarm == (subject in self.opened):
            return None
        (self.opened.add if is_alarm else self.opened.discard)(subject)
        return RAISED if is_alarm else CLEARED


def event(kind: str, change: Change, site: str) -> bytes:
    """The body to post. Its `id` is the same however often it is posted."""
    verdict = change.verdict
    subject = verdict.subject
    data: dict[str, object] = {
        "part": subject.part.value,
        "node": format_node(subject.node),
        "health": verdict.health.value,
        "since": verdict.since_ms,
        "evidence": verdict.evidence,
    }
    if subject.target is not None:
        data["target"] = format_node(subject.target)
    if verdict.doubt:
        data["doubt"] = verdict.doubt
    return msgspec.json.encode(
        {
            "specversion": "1.0",
            "id": str(change.number),
            "source": f"/headwater/{quote(site)}",
            "type": kind,
            "subject": "/".join([subject.part.value, *(str(data[key]) for key in ("node", "target") if key in data)]),
            "time": datetime.fromtimestamp(verdict.since_ms / 1000, UTC).isoformat(timespec="milliseconds"),
            "datacontenttype": "application/json",
            "data": data,
        }
    )
