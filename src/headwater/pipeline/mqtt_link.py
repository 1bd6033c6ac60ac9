"""One connection to an MQTT broker: paho on the loop, acknowledging only what it is told to."""

import asyncio
import contextlib
import logging
import ssl
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from headwater.model.errors import ConfigError, Unavailable
from headwater.pipeline.inlets import MqttOptions

CONNECT_S_MAX = 10.0
HELD_BYTES_MAX = 8 << 20
"""Payloads received and not taken; beyond this nothing is read."""
MISC_S = 1.0

_logger = logging.getLogger(__name__)


class _ClosedOnFailure(ssl.SSLSocket):
    """A socket whose handshake leaves nothing open when it fails: paho would leave it to the garbage collector."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


class Message(NamedTuple):
    """What the broker delivered."""

    topic: str
    payload: bytes
    id: int
    """0 for one that is not to be acknowledged."""
    repeated: bool


class Credentials(NamedTuple):
    """Who the client is."""

    client_id: str
    username: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        return f"Credentials({self.client_id!r}, {self.username!r})"


def check_installed() -> None:
    """ConfigError when the MQTT library is not there."""
    try:
        import paho.mqtt.client  # noqa: F401
    except ImportError:
        raise ConfigError('[[node.mqtt]] needs paho-mqtt: pip install "headwater[mqtt]"') from None


class MqttLink:
    """Open it, take messages one by one, acknowledge them in their order, close it. Unavailable when it breaks."""

    def __init__(self, options: MqttOptions, credentials: Credentials) -> None:
        from paho.mqtt import client as mqtt
        from paho.mqtt.enums import CallbackAPIVersion

        self._options = options
        self._mqtt5 = options.version == "5"
        self._loop = asyncio.get_running_loop()
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            credentials.client_id,
            protocol=mqtt.MQTTv5 if self._mqtt5 else mqtt.MQTTv311,
            clean_session=None if self._mqtt5 else False,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.connect_timeout = CONNECT_S_MAX / 2
        if credentials.username is not None:
            client.username_pw_set(credentials.username, credentials.password)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_disconnect = self._on_disconnect
        client.on_socket_close = self._on_socket_close
        client.on_socket_register_write = self._on_want_write
        client.on_socket_unregister_write = self._on_written
        self._client = client
        self._socket: Any = None
        """Watched by the loop, as long as it is open."""
        self._paused = False
        self._messages: deque[Message] = deque()
        self._held_bytes = 0
        self._news = asyncio.Event()
        self._answer: asyncio.Future[bool] = self._loop.create_future()
        self._problem: str | None = None

    # ---- opening and closing -----------------------------------------------------------------------------------------

    async def open(self) -> bool:
        """Connect and subscribe; whether the broker still had the session. Unavailable in one sentence."""
        try:
            async with asyncio.timeout(CONNECT_S_MAX):
                await self._connect()
                had_session = await self._answered()
                self._subscribe()
                await self._answered()
        except TimeoutError:
            raise Unavailable(f"no answer within {CONNECT_S_MAX:.0f} s") from None
        return had_session

    async def _connect(self) -> None:
        """Connect in a thread, for paho looks names up and shakes hands blocking."""
        if self._options.tls:
            self._client.tls_set_context(await asyncio.to_thread(self._tls))
        connecting = self._loop.run_in_executor(None, self._connect_blocking)
        try:
            await asyncio.shield(connecting)
        except asyncio.CancelledError:
            connecting.add_done_callback(self._abandon)
            raise
        except (OSError, ValueError) as error:
            raise Unavailable(str(error) or type(error).__name__) from None
        self._watch()

    def _connect_blocking(self) -> None:
        host, _, port = self._options.broker.rpartition(":")
        more: dict[str, Any] = {}
        if self._mqtt5:
            more = {"clean_start": False, "properties": self._properties()}
        self._client.connect(host.strip("[]"), int(port), self._options.keepalive_s, **more)

    def _properties(self) -> Any:
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.properties import Properties

        properties: Any = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = self._options.session_expiry_s
        properties.ReceiveMaximum = self._options.in_flight_max
        return properties

    def _tls(self) -> ssl.SSLContext:
        options = self._options
        try:
            context = ssl.create_default_context(cafile=str(options.ca_file) if options.ca_file else None)
            context.sslsocket_class = _ClosedOnFailure
            if options.certificate_file is not None:
                context.load_cert_chain(options.certificate_file, options.key_file)
        except OSError as error:
            raise Unavailable(f"the files for TLS cannot be used: {error}") from None
        return context

    def _subscribe(self) -> None:
        from paho.mqtt.subscribeoptions import SubscribeOptions

        topic = self._options.pattern.filter
        self._answer = self._loop.create_future()
        if self._mqtt5:
            # Retained messages come with a subscription that is new, not with each connection.
            self._client.subscribe(topic, options=SubscribeOptions(qos=1, retainHandling=1))
        else:
            self._client.subscribe(topic, 1)

    def _abandon(self, connecting: "asyncio.Future[None]") -> None:
        """Close what a thread has connected after nobody waits for it any more."""
        if not connecting.cancelled() and connecting.exception() is None:
            self._socket = self._client.socket()
            self.close()

    def close(self) -> None:
        """Say goodbye, as far as that goes without waiting; the broker keeps the session."""
        self._problem = self._problem or "closed"
        self._client.disconnect()
        with contextlib.suppress(OSError):
            self._client.loop_write()
        sock = self._client.socket()
        if sock is not None:
            self._on_socket_close(None, None, sock)
            sock.close()
        self._messages.clear()

    # ---- messages ----------------------------------------------------------------------------------------------------

    async def next(self) -> Message:
        """The next message. Unavailable when the connection has broken."""
        while not self._messages:
            if self._problem is not None:
                raise Unavailable(self._problem)
            self._news.clear()
            await self._news.wait()
        message = self._messages.popleft()
        self._held_bytes -= len(message.payload)
        if self._paused and self._held_bytes < HELD_BYTES_MAX // 2:
            self._paused = False
            self._watch()
        return message

    def acknowledge(self, message: Message) -> None:
        """Tell the broker that it may forget a message; messages are acknowledged in the order they came."""
        if message.id and self._problem is None:
            self._client.ack(message.id, 1)

    async def keep_alive(self) -> None:
        """Send what keeps the connection alive, until it breaks: Unavailable then."""
        while self._problem is None:
            self._client.loop_misc()
            await asyncio.sleep(MISC_S)
        raise Unavailable(self._problem)

    # ---- what paho calls ---------------------------------------------------------------------------------------------

    def _on_connect(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._fail(f"the broker refuses: {reason}")
        elif not self._answer.done():
            self._answer.set_result(bool(flags.session_present))

    def _on_subscribe(self, client: Any, userdata: Any, mid: int, reasons: list[Any], properties: Any) -> None:
        if any(reason.is_failure for reason in reasons):
            self._fail(f"the broker refuses the subscription to {self._options.pattern.filter}: {reasons[0]}")
        elif not self._answer.done():
            self._answer.set_result(True)

    def _on_message(self, client: Any, userdata: Any, message: Any) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = "\ufffd"
        payload = bytes(message.payload)
        self._messages.append(Message(topic, payload, message.mid if message.qos else 0, message.dup))
        self._held_bytes += len(payload)
        self._news.set()

    def _on_disconnect(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        ended = f"the broker ended the connection: {reason}"
        self._fail(ended if flags.is_disconnect_packet_from_server else "the connection was lost")

    def _on_socket_close(self, client: Any, userdata: Any, sock: Any) -> None:
        if self._socket is not None:
            self._loop.remove_reader(sock)
            self._loop.remove_writer(sock)
            self._socket = None

    def _on_want_write(self, client: Any, userdata: Any, sock: Any) -> None:
        if self._socket is not None:
            self._loop.add_writer(sock, self._guarded, self._client.loop_write)

    def _on_written(self, client: Any, userdata: Any, sock: Any) -> None:
        if self._socket is not None:
            self._loop.remove_writer(sock)

    # ---- the socket on the loop --------------------------------------------------------------------------------------

    def _watch(self) -> None:
        self._socket = self._client.socket()
        if self._socket is not None:
            self._loop.add_reader(self._socket, self._guarded, self._read)
            if self._client.want_write():
                self._on_want_write(None, None, self._socket)

    def _read(self) -> None:
        self._client.loop_read()
        while self._options.tls and self._socket is not None and self._socket.pending():
            self._client.loop_read()
        if self._held_bytes > HELD_BYTES_MAX and self._socket is not None:
            self._paused = True
            self._loop.remove_reader(self._socket)

    def _guarded(self, work: Callable[[], object]) -> None:
        """What a broker sends that paho cannot read breaks the connection, and nothing else."""
        try:
            work()
        except Exception as error:
            self._fail(f"the broker sent what cannot be read: {type(error).__name__}: {error}")

    async def _answered(self) -> bool:
        if self._problem is not None:
            raise Unavailable(self._problem)
        return await self._answer

    def _fail(self, problem: str) -> None:
        if self._problem is None:
            self._problem = problem
        if not self._answer.done():
            self._answer.set_exception(Unavailable(self._problem))
            with contextlib.suppress(Exception):
                self._answer.exception()  # Nobody may be waiting for it any more.
        self._news.set()
