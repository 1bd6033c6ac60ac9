"""`/v1/cluster/health` and `/v1/cluster/events`: how everything stands, why, and what has changed."""

from fastapi import FastAPI, Request
from fastapi.responses import Response
from msgspec import UNSET

from headwater.api import documents, openapi
from headwater.api.answers import encode, json_answer
from headwater.api.contract import NO_CLUSTER, Absent
from headwater.api.gather import judged
from headwater.api.judge import ask_to_forget
from headwater.api.pages import CURSOR, PAGE_HEADERS, SIZE_MAX, Page, Question, size_of, size_parameter
from headwater.api.service import Service
from headwater.api.words import NODE, node_of, only_node_of
from headwater.model.health import Change, Health, Part, Subject, Verdict
from headwater.model.ids import format_node
from headwater.model.records import Why
from headwater.model.report import LinkEnd, NodeReport
from headwater.store.port import Node, Reader, Standing

JUDGE_MS_MAX = 3000
"""A look this long ago is no longer how things stand."""
_UNKNOWN = Verdict(Subject(Part.NODE), Health.YELLOW, 0, "the judge has not looked at it yet")
_SIZE = size_parameter(SIZE_MAX)
NODE_OR_NAME = openapi.parameter(
    "nodeId", "path", True, {"type": "string"}, "A node: its id of 6 hexadecimal digits, or its name"
)
NOT_KNOWN = openapi.problem(404, "No node of this id is judged")
IN_USE = openapi.problem(409, "The node is heard, or a node that is heard sends to it")


def add_cluster_health(app: FastAPI, service: Service) -> None:
    """Add the resources."""

    @app.get(
        "/v1/cluster/health",
        summary="How every node, daemon and link stands, why, and what each link has passed on",
        responses=openapi.answers(documents.ClusterHealth, openapi.NO_CLUSTER),
    )
    async def health(request: Request) -> Response:
        nodes, standing = await service.lanes.glance(judged)
        if not nodes:
            raise Absent(NO_CLUSTER)
        return json_answer(encode(described(nodes, Verdicts(standing, service.now_ms()))))

    @app.get(
        "/v1/cluster/events",
        summary="What has changed in health, newest first",
        responses=openapi.answers(list[documents.HealthEvent], openapi.BAD_REQUEST, headers=PAGE_HEADERS),
        openapi_extra=openapi.parameters(NODE, _SIZE, CURSOR),
    )
    async def events(request: Request) -> Response:
        size = size_of(request, SIZE_MAX)
        text = request.query_params.get("node")

        def look(reader: Reader) -> tuple[Question, list[Change]]:
            node = None if text is None else node_of(reader, text)
            question = Question("events", (node,))
            return question, reader.changes(size + 1, question.place_in(request, 1)[0], node)

        question, found = await service.lanes.glance(look)
        page = Page.cut(question, found, size, lambda change: (change.number,))
        return json_answer(encode([event_of(change) for change in page.items]), page.link(request))


def add_forgetting(app: FastAPI, service: Service) -> None:
    """Add what is asked of the judge, where it can be reached."""
    ingest = service.options.ingest
    if ingest is None:
        return

    @app.delete(
        "/v1/cluster/health/{nodeId}",
        status_code=204,
        summary="Judge a node no longer that was taken out of service, until it reports again",
        responses=openapi.nothing(openapi.BAD_REQUEST, NOT_KNOWN, IN_USE),
        openapi_extra=openapi.parameters(NODE_OR_NAME),
    )
    async def forget(request: Request) -> Response:
        text = request.path_params["nodeId"]
        await ask_to_forget(ingest, await service.lanes.glance(lambda reader: only_node_of(reader, text)))
        return Response(status_code=204)


class Verdicts:
    """The verdicts of a standing by their subjects; what was looked at too long ago is Yellow."""

    def __init__(self, standing: Standing | None, now_ms: int) -> None:
        self.at_ms = 0 if standing is None else standing.at_ms
        self.late = 0 if standing is None else standing.late
        self.all = [] if standing is None else standing.verdicts
        if standing is not None and now_ms - standing.at_ms > JUDGE_MS_MAX:
            evidence = f"the judge has not looked for {(now_ms - standing.at_ms) / 1000:.0f} s"
            self.all = [
                Verdict(verdict.subject, Health.YELLOW, standing.at_ms, evidence) for verdict in standing.verdicts
            ]
        self._by_subject = {verdict.subject: verdict for verdict in self.all}

    def of(self, part: Part, node: int, target: int | None = None) -> Verdict:
        """The verdict on a subject; Yellow when there is none."""
        return self._by_subject.get(Subject(part, node, target), _UNKNOWN)

    def links_of(self, node: int) -> list[Verdict]:
        """Those on the links from a node."""
        return [each for each in self.all if each.subject.part is Part.LINK and each.subject.node == node]


def described(nodes: list[Node], verdicts: Verdicts) -> documents.ClusterHealth:
    """The whole cluster."""
    return documents.ClusterHealth(
        at=verdicts.at_ms,
        late_looks=verdicts.late,
        alarms=[_alarm(verdict, verdicts.all) for verdict in verdicts.all if verdict.is_alarm],
        nodes=[_node(node, verdicts) for node in nodes],
        links=[_link(node, verdict) for node in nodes for verdict in verdicts.links_of(node.id)],
    )


def event_of(change: Change) -> documents.HealthEvent:
    """The document of a change."""
    verdict = change.verdict
    return documents.HealthEvent(
        number=change.number,
        at=verdict.since_ms,
        subject=_subject(verdict.subject),
        before=UNSET if change.before is None else change.before.value,
        health=verdict.health.value,
        evidence=verdict.evidence,
        cause=UNSET if verdict.cause is None else _subject(verdict.cause),
        doubt=verdict.doubt,
        alarm=verdict.is_alarm,
    )


def _node(node: Node, verdicts: Verdicts) -> documents.HealthNode:
    heard = node.report.neighbours if node.report is not None else ()
    return documents.HealthNode(
        id=format_node(node.id),
        name=node.name,
        node=_judged(verdicts.of(Part.NODE, node.id)),
        pipeline=_judged(verdicts.of(Part.PIPELINE, node.id)),
        provenance=_judged(verdicts.of(Part.PROVENANCE, node.id)),
        clocks=[
            documents.Clock(format_node(one.node), one.offset_ms, one.round_trip_ms)
            for one in heard
            if one.offset_ms is not None and one.round_trip_ms is not None
        ],
    )


def _link(node: Node, verdict: Verdict) -> documents.HealthLink:
    target = verdict.subject.target
    ends = node.report.links if node.report is not None else ()
    end = next((end for end in ends if end.outgoing and end.node == target), None)
    return documents.HealthLink(
        source=format_node(node.id),
        target=UNSET if target is None else format_node(target),
        link=_judged(verdict),
        address="" if end is None else end.address,
        account=UNSET if end is None or node.report is None else _account(node.report, end),
    )


def _account(report: NodeReport, end: LinkEnd) -> documents.Account:
    dropped = {why: count for why, count in report.dropped.items() if why == Why.DROPPED}
    return documents.Account(
        sent=end.sent,
        delivered=end.delivered,
        buffered=end.sent - end.delivered - sum(dropped.values()),
        dropped=dropped,
        rate=report.send_rate,
        oldest_ms=end.oldest_ms,
    )


def _judged(verdict: Verdict) -> documents.Judged:
    cause = UNSET if verdict.cause is None else _subject(verdict.cause)
    return documents.Judged(
        verdict.health.value, verdict.since_ms, verdict.evidence, cause, verdict.doubt, verdict.is_alarm
    )


def _alarm(verdict: Verdict, verdicts: list[Verdict]) -> documents.HealthAlarm:
    return documents.HealthAlarm(
        subject=_subject(verdict.subject),
        since=verdict.since_ms,
        evidence=verdict.evidence,
        doubt=verdict.doubt,
        explains=[_subject(other.subject) for other in verdicts if other.cause == verdict.subject],
    )


def _subject(subject: Subject) -> documents.Subject:
    if subject.part is Part.SERVER:
        return documents.Subject(Part.SERVER)
    target = UNSET if subject.target is None else format_node(subject.target)
    return documents.Subject(subject.part, format_node(subject.node), target)
