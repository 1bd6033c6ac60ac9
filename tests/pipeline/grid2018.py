"""A client and a server of 2018 for tests, each a process of its own that shares no code with Headwater.

Client: `python grid2018.py client HOST:PORT`, with JSON on standard input: a list of streams, each a list of messages
`{"meter", "metric", "timestamp", "value", "prov_id", "context"}` (all optional; none of the first four: a message
without measurement; `{"raw": "hex"}`: these bytes). All streams are sent at once; one line of JSON answers each, in
order. Server: `python grid2018.py server`: prints its port, then each message that it gets as a line of JSON, and
answers each stream "200", as in 2018.
"""

import itertools
import json
import struct
import sys
from collections.abc import Iterator
from concurrent import futures

import grpc

PATH = "/provenance_system.gateway/push_data"
Message = dict[str, "str | int | float"]


def varint(number: int) -> bytes:
    number &= (1 << 64) - 1
    low, rest = number & 0x7F, number >> 7
    return bytes((low | 0x80,)) + varint(rest) if rest else bytes((low,))


def text(field: int, value: str) -> bytes:
    data = value.encode()
    return varint(field << 3 | 2) + varint(len(data)) + data if data else b""


def encode(message: Message) -> bytes:
    if "raw" in message:
        return bytes.fromhex(str(message["raw"]))
    measurement = text(1, str(message.get("meter", ""))) + text(2, str(message.get("metric", "")))
    if message.get("timestamp"):
        measurement += varint(3 << 3) + varint(int(message["timestamp"]))
    if message.get("value"):
        measurement += varint(4 << 3 | 1) + struct.pack("<d", float(message["value"]))
    has_measurement = message.keys() & {"meter", "metric", "timestamp", "value"}
    held = varint(1 << 3 | 2) + varint(len(measurement)) + measurement if has_measurement else b""
    return held + text(2, str(message.get("prov_id", ""))) + text(3, str(message.get("context", "")))


def fields(data: bytes) -> Iterator[tuple[int, "int | bytes"]]:
    at = 0

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        tag = number()
        if tag & 7 == 0:
            yield tag >> 3, number()
        else:
            length = 8 if tag & 7 == 1 else number()
            yield tag >> 3, data[at : at + length]
            at += length


def decode(data: bytes) -> Message:
    message: Message = {"meter": "", "metric": "", "timestamp": 0, "value": 0.0, "prov_id": "", "context": ""}
    for field, value in fields(data):
        if field > 1:
            message[("prov_id", "context")[field - 2]] = bytes(value).decode()
        else:
            for inner, part in fields(bytes(value)):
                if isinstance(part, int):
                    message["timestamp"] = part - (1 << 64) * (part >> 63)
                elif inner == 4:
                    message["value"] = struct.unpack("<d", part)[0]
                else:
                    message[("meter", "metric")[inner - 1]] = part.decode()
    return message


def client(address: str) -> None:
    with grpc.insecure_channel(address) as channel:
        push = channel.stream_unary(PATH, request_serializer=encode, response_deserializer=bytes)
        calls = [push.future(iter(stream), timeout=60) for stream in json.load(sys.stdin)]
        for call in calls:
            code = b"".join(bytes(value) for field, value in fields(call.result()) if field == 1).decode()
            print(json.dumps({"code": code, "trailers": dict(call.trailing_metadata())}), flush=True)


def server() -> None:
    served = itertools.count()

    def push_data(messages: Iterator[Message], context: grpc.ServicerContext) -> str:
        number = next(served)
        for message in messages:
            print(json.dumps({"stream": number, **message}), flush=True)
        return "200"

    method: grpc.RpcMethodHandler[Message, str] = grpc.stream_unary_rpc_method_handler(
        push_data, decode, lambda code: text(1, code)
    )
    made = grpc.server(futures.ThreadPoolExecutor(4))
    made.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("provenance_system.gateway", {"push_data": method}),)
    )
    port = made.add_insecure_port(sys.argv[2] if len(sys.argv) > 2 else "127.0.0.1:0")
    made.start()
    print(port, flush=True)
    made.wait_for_termination()


if __name__ == "__main__":
    client(sys.argv[2]) if sys.argv[1] == "client" else server()
