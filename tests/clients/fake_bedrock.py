"""A Bedrock that answers as a test tells it to: with an AWS error, with JSON, or with the frames of a stream.

The emulator is asked first; this is for what it does not do by itself, such as failing in the middle of an answer.
"""

import json
import socket
import struct
import sys
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from zlib import crc32

DEADLINE = 20


def frame(headers, payload):
    """Encodes one message of `application/vnd.amazon.eventstream`; all headers are strings, bytes are sent as they are."""
    head = b""
    for name, value in headers.items():
        head += struct.pack("!B", len(name)) + name.encode()
        head += struct.pack("!BH", 7, len(value)) + value.encode()
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    prelude = struct.pack("!II", 16 + len(head) + len(body), len(head))
    message = prelude + struct.pack("!I", crc32(prelude)) + head + body
    return message + struct.pack("!I", crc32(message))


def event(kind, payload):
    return frame({":event-type": kind, ":content-type": "application/json", ":message-type": "event"}, payload)


def exception(kind, message):
    headers = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
    return frame(headers, {"message": message})


def text_frames(*pieces):
    """The frames of an answer that has begun and not ended."""
    frames = [event("messageStart", {"role": "assistant"})]
    for piece in pieces:
        frames.append(event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": piece}}))
    return frames


def last_frames(stop_reason="end_turn"):
    """The frames that end an answer."""
    usage = {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5}
    return [
        event("contentBlockStop", {"contentBlockIndex": 0}),
        event("messageStop", {"stopReason": stop_reason}),
        event("metadata", {"usage": usage, "metrics": {"latencyMs": 1}}),
    ]


@dataclass
class AwsError:
    status: int
    kind: str
    message: str = "scripted"


@dataclass
class Json:
    # An object, or bytes that are sent as they are.
    body: object


@dataclass
class Stream:
    frames: list
    # "end": as HTTP ends a body; "cut": the connection breaks; "hold": nothing more comes until the caller hangs up.
    ending: str = "end"


def answer(text="fine"):
    return Json(
        {
            "output": {"message": {"role": "assistant", "content": [{"text": text}]}},
            "stopReason": "end_turn",
            "usage": {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5},
            "metrics": {"latencyMs": 1},
        }
    )


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True
    # Connections that come at once; beyond these, the next attempt is a second later.
    request_queue_size = 512

    def handle_error(self, request, client_address):
        # A gateway that hangs up on a broken answer is what some tests want.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class FakeBedrock:
    """Answers each POST with the next of its replies, the last one again and again, and keeps what was sent."""

    REQUEST_ID = "00000000-0000-4000-8000-000000000001"

    def __init__(self):
        self.replies = [answer()]
        self.requests = []
        self.hung_up = threading.Event()
        self._server = QuietServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def script(self, *replies):
        self.replies = list(replies)
        self.requests = []
        self.hung_up.clear()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(DEADLINE)

    def _handler(fake):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # A head and its body are two writes, which must not wait for one another.
            disable_nagle_algorithm = True

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                reply = fake.replies[min(len(fake.requests), len(fake.replies) - 1)]
                fake.requests.append({"path": self.path, "headers": dict(self.headers), "body": body})
                if isinstance(reply, Stream):
                    self.stream(reply)
                elif isinstance(reply, AwsError):
                    self.whole(reply.status, {"message": reply.message}, {"x-amzn-ErrorType": reply.kind})
                else:
                    self.whole(200, reply.body, {})

            def whole(self, status, body, headers):
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.send_header("x-amzn-RequestId", fake.REQUEST_ID)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def stream(self, reply):
                self.send_response(200)
                self.send_header("content-type", "application/vnd.amazon.eventstream")
                self.send_header("transfer-encoding", "chunked")
                self.send_header("x-amzn-RequestId", fake.REQUEST_ID)
                self.end_headers()
                for data in reply.frames:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
                if reply.ending == "end":
                    self.wfile.write(b"0\r\n\r\n")
                    return
                self.close_connection = True
                if reply.ending == "hold" and self.caller_hangs_up():
                    fake.hung_up.set()

            def caller_hangs_up(self):
                self.connection.settimeout(DEADLINE)
                try:
                    return self.connection.recv(1) == b""
                except socket.timeout:
                    return False
                except OSError:
                    return True

        return Handler
