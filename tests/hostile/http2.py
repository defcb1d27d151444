"""A client of HTTP/2 that sends whatever it is told to, frame by frame, and waits for what becomes of it."""

import select
import socket
import ssl
import struct
import time

import hpack
from h2.errors import ErrorCodes
from hyperframe.exceptions import HyperframeError
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DEADLINE = 30

GET = [(":method", "GET"), (":scheme", "https"), (":authority", "localhost"), (":path", "/health")]
POST = [(":method", "POST"), (":scheme", "https"), (":authority", "localhost"), (":path", "/v1/chat/completions")]


def replaced(head, **values):
    """A head with other pseudo-headers; `None` leaves one out."""
    pairs = [(name, values.get(name.removeprefix(":"), value)) for name, value in head]
    return [(name, value) for name, value in pairs if value is not None]


def serialized(frames):
    """Bytes are frames that no library would write."""
    return b"".join(frame if isinstance(frame, bytes) else frame.serialize() for frame in frames)


def frame(kind, flags, stream, payload=b""):
    return struct.pack("!I", len(payload))[1:] + struct.pack("!BBI", kind, flags, stream) + payload


class Peer:
    """One connection."""

    def __init__(self, port, settings=None, start=None):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
        plain = socket.create_connection(("127.0.0.1", port), DEADLINE)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = context.wrap_socket(plain, server_hostname="localhost")
        assert self.socket.selected_alpn_protocol() == "h2"
        self.encoder = hpack.Encoder()
        self.decoder = hpack.Decoder()
        self.buffer = b""
        self.frames = []
        self.ended = False
        self.send(*([PREFACE, SettingsFrame(0, settings=settings or {})] if start is None else [start]))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def head(self, stream, headers, end=True, **options):
        """The frame of a head; the block is packed here, so that wrong heads can be."""
        flags = ["END_HEADERS"] + (["END_STREAM"] if end else [])
        return HeadersFrame(stream, data=self.encoder.encode(headers, huffman=False), flags=flags, **options)

    def send(self, *frames, patience=DEADLINE):
        """Whether the other side took everything."""
        try:
            self.socket.settimeout(patience)
            self.socket.sendall(serialized(frames))
            return True
        except (OSError, ssl.SSLError):
            return False

    def take(self, patience=0):
        """Reads what is there, or waits for it; whether there was something."""
        if self.ended:
            return False
        if not self.socket.pending() and not select.select([self.socket], [], [], patience)[0]:
            return False
        try:
            self.socket.settimeout(DEADLINE)
            data = self.socket.recv(1 << 16)
        except (OSError, ssl.SSLError):
            data = b""
        self.ended = not data
        self.buffer += data
        while len(self.buffer) >= 9:
            try:
                parsed, length = Frame.parse_frame_header(memoryview(self.buffer[:9]))
            except HyperframeError as error:
                raise AssertionError(f"the server sent no frame: {self.buffer[:9]}") from error
            if len(self.buffer) < 9 + length:
                break
            parsed.parse_body(memoryview(self.buffer[9 : 9 + length]))
            self.buffer = self.buffer[9 + length :]
            if isinstance(parsed, (HeadersFrame, ContinuationFrame)):
                # Each head has to be unpacked, in the order in which they come.
                parsed.headers = dict(self.decoder.decode(parsed.data))
            self.frames.append(parsed)
            if isinstance(parsed, DataFrame) and parsed.data:
                self.send(*(WindowUpdateFrame(at, window_increment=len(parsed.data)) for at in (0, parsed.stream_id)))
        return True

    def wait(self, look):
        """Reads until there is what is looked for, or the connection ends."""
        end = time.monotonic() + DEADLINE
        while True:
            if (found := look()) is not None:
                return found
            if self.ended:
                return None
            left = end - time.monotonic()
            if left <= 0 or not (self.take(left) or self.ended):
                raise AssertionError(f"nothing came for {DEADLINE} s; frames: {self.frames}")

    def of(self, kind, stream=None):
        found = [frame for frame in self.frames if isinstance(frame, kind)]
        return [frame for frame in found if stream is None or frame.stream_id == stream]

    def status(self, stream):
        """The status of a stream's answer; `None` where the connection ends before."""
        return self.wait(lambda: next((head.headers[":status"] for head in self.of(HeadersFrame, stream)), None))

    def body(self, stream):
        """All bytes of an answer."""
        self.wait(lambda: next((1 for data in self.of(DataFrame, stream) if "END_STREAM" in data.flags), None))
        return b"".join(data.data for data in self.of(DataFrame, stream))

    def outcome(self, stream):
        """What becomes of a stream: its status, how it is reset, or how the connection ends."""

        def look():
            if resets := self.of(RstStreamFrame, stream):
                return f"RST_STREAM {ErrorCodes(resets[0].error_code).name}"
            if goodbyes := self.of(GoAwayFrame):
                return f"GOAWAY {ErrorCodes(goodbyes[0].error_code).name}"
            if heads := self.of(HeadersFrame, stream):
                return heads[0].headers[":status"]
            return None

        return self.wait(look) or "closed"
