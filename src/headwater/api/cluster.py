"""`/v1/cluster`: the nodes, how they stand, and their newest data points."""

from fastapi import FastAPI, Request
from fastapi.responses import Response
from msgspec import UNSET, UnsetType

from headwater.api import documents, openapi
from headwater.api.answers import encode, flag, json_answer
from headwater.api.cluster_health import Verdicts
from headwater.api.contract import (
    INVALID_NODE,
    NO_CLUSTER,
    NO_PROVENANCE,
    NO_STATS,
    NODE_CHARACTERS,
    Absent,
    Invalid,
    parse_size,
)
from headwater.api.gather import PLAIN, Facts, histories_of, judged, nodes_of
from headwater.api.pages import CURSOR, PAGE_HEADERS, Page, Question
from headwater.api.points import Painter
from headwater.api.service import Service
from headwater.api.stats import stats as described
from headwater.model.context import Location
from headwater.model.errors import Rejected
from headwater.model.ids import format_node, parse_node
from headwater.store.port import DataPoint, Node, Reader


def add_cluster(app: FastAPI, service: Service) -> None:
    """Add the resource."""

    @app.get(
        "/v1/cluster/topology",
        summary="The nodes and where they send",
        responses=openapi.answers(list[documents.Node], openapi.NO_CLUSTER, openapi.BAD_REQUEST),
        openapi_extra=openapi.parameters(openapi.DETAIL),
    )
    async def topology(request: Request) -> Response:
        detail = flag(request, "detail")
        nodes, _ = await service.lanes.glance(judged)
        if not nodes:
            raise Absent(NO_CLUSTER)
        return json_answer(encode([_node(node, detail) for node in nodes]))

    @app.get(
        "/v1/cluster/stats",
        summary="Health and rates of the nodes",
        responses=openapi.answers(list[documents.NodeStat], openapi.NO_STATS, openapi.BAD_REQUEST),
        openapi_extra=openapi.parameters(openapi.DETAIL),
    )
    async def stats(request: Request) -> Response:
        detail = flag(request, "detail")
        nodes, standing = await service.lanes.glance(judged)
        if not nodes:
            raise Absent(NO_STATS)
        return json_answer(encode(described(nodes, Verdicts(standing, service.now_ms()), detail)))

    @app.get(
        "/v1/cluster/{nodeId}/provenance",
        summary="The newest data points of a node, newest first",
        responses=openapi.answers(
            list[documents.Datapoint],
            openapi.NO_PROVENANCE,
            openapi.INVALID_SIZE,
            openapi.BAD_REQUEST,
            headers=PAGE_HEADERS,
        ),
        openapi_extra=openapi.parameters(openapi.NODE_ID, openapi.SIZE, openapi.DETAIL, openapi.VALUES, CURSOR),
    )
    async def newest(request: Request) -> Response:
        size = parse_size(request.query_params.get("size"))
        node = _node_id(request.path_params["nodeId"])
        detail = flag(request, "detail")
        values = flag(request, "values", detail)
        question = Question("newest", (node,))
        before = question.place_in(request, 1)[0]
        page, body = await _newest(service, question, node, size, before, detail, values)
        return json_answer(body, page.link(request))


async def _newest(
    service: Service, question: Question, node: int, size: int, before: int | None, detail: bool, values: bool
) -> tuple[Page[DataPoint], bytes]:
    def look(reader: Reader) -> tuple[Page[DataPoint], Facts]:
        found = reader.last_of(node, size + 1, before)
        page = Page.cut(question, found, size, lambda point: (point.id.ordinal,))
        if not page.items:
            raise Absent(NO_PROVENANCE)
        histories = histories_of(reader, detail, (point.id for point in page.items))
        return page, Facts(detail, nodes_of(reader), histories=histories) if detail or values else PLAIN

    def drawn(page: Page[DataPoint], facts: Facts) -> tuple[Page[DataPoint], bytes]:
        painter = Painter(facts)
        return page, encode([painter.document(point) for point in page.items])

    if not values:
        return await service.lanes.glance(lambda reader: drawn(*look(reader)))
    page, facts = await service.lanes.glance(look)
    return drawn(page, await service.valued(facts, [point.id for point in page.items]))


def _node_id(text: str) -> int:
    if len(text) != NODE_CHARACTERS:
        raise Invalid(INVALID_NODE)
    try:
        return parse_node(text)
    except Rejected:
        raise Absent(NO_PROVENANCE) from None


def _node(node: Node, detail: bool) -> documents.Node:
    config = node.config
    successor = config.successor if config else None
    document = documents.Node(
        id=format_node(node.id),
        name=node.name,
        successor=UNSET if successor is None else format_node(successor),
    )
    if not detail:
        return document
    document.log = node.log.hex()
    document.agent = node.address
    if config:
        document.next = config.next or UNSET
        document.protocol = config.protocol
        document.listen = config.listen or UNSET
        document.steps = config.steps
        document.when_full = config.when_full
        document.provenance = config.provenance
        document.location = _place(config.location)
    return document


def _place(location: Location | None) -> documents.Place | UnsetType:
    if location is None:
        return UNSET
    if location.latitude is None or location.longitude is None:
        return documents.Place(location.label)
    return documents.Place(location.label, location.latitude, location.longitude)
