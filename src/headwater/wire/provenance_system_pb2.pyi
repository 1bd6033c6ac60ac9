from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class measurement_message(_message.Message):
    __slots__ = ("meter_id", "metric_id", "timestamp", "value")
    METER_ID_FIELD_NUMBER: _ClassVar[int]
    METRIC_ID_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    meter_id: str
    metric_id: str
    timestamp: int
    value: float
    def __init__(self, meter_id: _Optional[str] = ..., metric_id: _Optional[str] = ..., timestamp: _Optional[int] = ..., value: _Optional[float] = ...) -> None: ...

class Grid_data(_message.Message):
    __slots__ = ("measurement", "prov_id", "context")
    MEASUREMENT_FIELD_NUMBER: _ClassVar[int]
    PROV_ID_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    measurement: measurement_message
    prov_id: str
    context: str
    def __init__(self, measurement: _Optional[_Union[measurement_message, _Mapping]] = ..., prov_id: _Optional[str] = ..., context: _Optional[str] = ...) -> None: ...

class reply(_message.Message):
    __slots__ = ("response_code",)
    RESPONSE_CODE_FIELD_NUMBER: _ClassVar[int]
    response_code: str
    def __init__(self, response_code: _Optional[str] = ...) -> None: ...
