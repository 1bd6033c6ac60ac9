from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Up(_message.Message):
    __slots__ = ("hello", "records", "source", "definition")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    DEFINITION_FIELD_NUMBER: _ClassVar[int]
    hello: Hello
    records: Records
    source: SourceBatch
    definition: bytes
    def __init__(self, hello: _Optional[_Union[Hello, _Mapping]] = ..., records: _Optional[_Union[Records, _Mapping]] = ..., source: _Optional[_Union[SourceBatch, _Mapping]] = ..., definition: _Optional[bytes] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ("version", "site", "node", "log", "first", "last", "source", "name")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SITE_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    LOG_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    version: int
    site: str
    node: bytes
    log: bytes
    first: int
    last: int
    source: bool
    name: str
    def __init__(self, version: _Optional[int] = ..., site: _Optional[str] = ..., node: _Optional[bytes] = ..., log: _Optional[bytes] = ..., first: _Optional[int] = ..., last: _Optional[int] = ..., source: _Optional[bool] = ..., name: _Optional[str] = ...) -> None: ...

class Records(_message.Message):
    __slots__ = ("record", "sent_ms")
    RECORD_FIELD_NUMBER: _ClassVar[int]
    SENT_MS_FIELD_NUMBER: _ClassVar[int]
    record: _containers.RepeatedCompositeFieldContainer[Record]
    sent_ms: int
    def __init__(self, record: _Optional[_Iterable[_Union[Record, _Mapping]]] = ..., sent_ms: _Optional[int] = ...) -> None: ...

class Record(_message.Message):
    __slots__ = ("sequence", "previous", "kind", "version", "body")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    previous: int
    kind: int
    version: int
    body: bytes
    def __init__(self, sequence: _Optional[int] = ..., previous: _Optional[int] = ..., kind: _Optional[int] = ..., version: _Optional[int] = ..., body: _Optional[bytes] = ...) -> None: ...

class SourceBatch(_message.Message):
    __slots__ = ("first", "payload", "series", "sent_ms")
    FIRST_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    SERIES_FIELD_NUMBER: _ClassVar[int]
    SENT_MS_FIELD_NUMBER: _ClassVar[int]
    first: int
    payload: bytes
    series: _containers.RepeatedCompositeFieldContainer[SourceSeries]
    sent_ms: int
    def __init__(self, first: _Optional[int] = ..., payload: _Optional[bytes] = ..., series: _Optional[_Iterable[_Union[SourceSeries, _Mapping]]] = ..., sent_ms: _Optional[int] = ...) -> None: ...

class SourceSeries(_message.Message):
    __slots__ = ("number", "meter", "metric")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    METER_FIELD_NUMBER: _ClassVar[int]
    METRIC_FIELD_NUMBER: _ClassVar[int]
    number: int
    meter: str
    metric: str
    def __init__(self, number: _Optional[int] = ..., meter: _Optional[str] = ..., metric: _Optional[str] = ...) -> None: ...

class Down(_message.Message):
    __slots__ = ("welcome", "durable", "need", "refusal")
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    DURABLE_FIELD_NUMBER: _ClassVar[int]
    NEED_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    welcome: Welcome
    durable: int
    need: Need
    refusal: Refusal
    def __init__(self, welcome: _Optional[_Union[Welcome, _Mapping]] = ..., durable: _Optional[int] = ..., need: _Optional[_Union[Need, _Mapping]] = ..., refusal: _Optional[_Union[Refusal, _Mapping]] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ("version", "node", "log", "durable", "name")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    LOG_FIELD_NUMBER: _ClassVar[int]
    DURABLE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    version: int
    node: bytes
    log: bytes
    durable: int
    name: str
    def __init__(self, version: _Optional[int] = ..., node: _Optional[bytes] = ..., log: _Optional[bytes] = ..., durable: _Optional[int] = ..., name: _Optional[str] = ...) -> None: ...

class Need(_message.Message):
    __slots__ = ("log", "number")
    LOG_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    log: bytes
    number: int
    def __init__(self, log: _Optional[bytes] = ..., number: _Optional[int] = ...) -> None: ...

class Refusal(_message.Message):
    __slots__ = ("reason", "detail", "sequence", "fatal")
    REASON_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    FATAL_FIELD_NUMBER: _ClassVar[int]
    reason: str
    detail: str
    sequence: int
    fatal: bool
    def __init__(self, reason: _Optional[str] = ..., detail: _Optional[str] = ..., sequence: _Optional[int] = ..., fatal: _Optional[bool] = ...) -> None: ...

class StampsUp(_message.Message):
    __slots__ = ("hello", "group", "report")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    hello: AgentHello
    group: Group
    report: bytes
    def __init__(self, hello: _Optional[_Union[AgentHello, _Mapping]] = ..., group: _Optional[_Union[Group, _Mapping]] = ..., report: _Optional[bytes] = ...) -> None: ...

class AgentHello(_message.Message):
    __slots__ = ("version", "site", "node", "log", "name", "address")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SITE_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    LOG_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    version: int
    site: str
    node: bytes
    log: bytes
    name: str
    address: str
    def __init__(self, version: _Optional[int] = ..., site: _Optional[str] = ..., node: _Optional[bytes] = ..., log: _Optional[bytes] = ..., name: _Optional[str] = ..., address: _Optional[str] = ...) -> None: ...

class Group(_message.Message):
    __slots__ = ("last", "body")
    LAST_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    last: int
    body: bytes
    def __init__(self, last: _Optional[int] = ..., body: _Optional[bytes] = ...) -> None: ...

class StampsDown(_message.Message):
    __slots__ = ("stored", "refusal")
    STORED_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    stored: int
    refusal: Refusal
    def __init__(self, stored: _Optional[int] = ..., refusal: _Optional[_Union[Refusal, _Mapping]] = ...) -> None: ...

class ReadingsWanted(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: _containers.RepeatedCompositeFieldContainer[Run]
    def __init__(self, run: _Optional[_Iterable[_Union[Run, _Mapping]]] = ...) -> None: ...

class Run(_message.Message):
    __slots__ = ("start", "count")
    START_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    start: int
    count: int
    def __init__(self, start: _Optional[int] = ..., count: _Optional[int] = ...) -> None: ...

class ReadingsFound(_message.Message):
    __slots__ = ("found",)
    FOUND_FIELD_NUMBER: _ClassVar[int]
    found: _containers.RepeatedCompositeFieldContainer[Found]
    def __init__(self, found: _Optional[_Iterable[_Union[Found, _Mapping]]] = ...) -> None: ...

class Found(_message.Message):
    __slots__ = ("state", "readings")
    STATE_FIELD_NUMBER: _ClassVar[int]
    READINGS_FIELD_NUMBER: _ClassVar[int]
    state: str
    readings: bytes
    def __init__(self, state: _Optional[str] = ..., readings: _Optional[bytes] = ...) -> None: ...
