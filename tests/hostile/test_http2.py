"""Frames that HTTP/2 forbids, and floods of those that it allows.

Whatever a connection does: it is refused as the protocol says, or bounded; the others are served meanwhile; Bedrock is
called a bounded number of times; memory does not grow.
"""

import contextlib
import datetime
import json
import struct
import threading
import time
from pathlib import Path

import pytest
from conftest import DEADLINE, Gateway, clients, events
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from fake_bedrock import Stream, answer, last_frames, text_frames
from http2 import GET, POST, PREFACE, Peer, frame, replaced
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

CHAT = json.dumps({"model": "nova", "messages": [{"role": "user", "content": "hi"}]}).encode()
STREAMED = json.dumps({"model": "nova", "stream": True, "messages": [{"role": "user", "content": "hi"}]}).encode()

# More than any client has a use for.
MANY = 5000
# The calls that a flood on one connection may cost, and the memory.
CALLS = 200
MEMORY = 16 * 1024


def certificate(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(days=1))
    builder = builder.not_valid_after(now + datetime.timedelta(days=1))
    pem = serialization.Encoding.PEM
    (folder / "server.pem").write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(pem))
    pkcs8 = serialization.PrivateFormat.PKCS8
    (folder / "server.key").write_bytes(key.private_bytes(pem, pkcs8, serialization.NoEncryption()))


@pytest.fixture(scope="module")
def encrypted(fake, tmp_path_factory):
    """The gateway behind TLS, after its first requests."""
    folder = tmp_path_factory.mktemp("tls")
    certificate(folder)
    tls = "runtime:\n  tls:\n    certificate_file: server.pem\n    key_file: server.key\n"
    pod = clients.fake_pod(fake).replace("models:\n", tls + "models:\n")
    running = Gateway(pod, folder, encrypted=True)
    fake.script(answer())
    for _ in range(50):
        assert running.chat(CHAT)[0] == 200
    with Peer(running.port) as peer:
        for stream in range(1, 200, 2):
            assert chat(peer, stream) == "200"
    yield running
    running.stop()


def chat(peer, stream, body=CHAT):
    peer.send(peer.head(stream, POST, end=False), DataFrame(stream, data=body, flags=["END_STREAM"]))
    return peer.outcome(stream)


def raw_head(stream, block, flags=0x5):
    return frame(1, flags, stream, block)


def literal(name, value):
    """A header as it would never be packed by a library: a literal without an index."""
    return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value


PSEUDO = b"".join(literal(name.encode(), value.encode()) for name, value in GET)
PROTOCOL = "RST_STREAM PROTOCOL_ERROR"

# What is sent on stream 1, and what may become of it. A whole connection may always be refused for the sake of one
# stream, with whatever code.
HEADS = {
    "an uppercase name": (PSEUDO + literal(b"Accept", b"x"), {PROTOCOL}),
    "connection": (PSEUDO + literal(b"connection", b"keep-alive"), {PROTOCOL}),
    "keep-alive": (PSEUDO + literal(b"keep-alive", b"1"), {PROTOCOL}),
    "proxy-connection": (PSEUDO + literal(b"proxy-connection", b"close"), {PROTOCOL}),
    "transfer-encoding": (PSEUDO + literal(b"transfer-encoding", b"chunked"), {PROTOCOL}),
    "upgrade": (PSEUDO + literal(b"upgrade", b"h2c"), {PROTOCOL}),
    "te that is not trailers": (PSEUDO + literal(b"te", b"gzip"), {PROTOCOL}),
    "no :path": (b"".join(literal(n.encode(), v.encode()) for n, v in replaced(GET, path=None)), {PROTOCOL}),
    "an empty :path": (b"".join(literal(n.encode(), v.encode()) for n, v in replaced(GET, path="")), {PROTOCOL}),
    "no :method": (b"".join(literal(n.encode(), v.encode()) for n, v in replaced(GET, method=None)), {PROTOCOL}),
    "no :scheme": (b"".join(literal(n.encode(), v.encode()) for n, v in replaced(GET, scheme=None)), {PROTOCOL}),
    ":path twice": (PSEUDO + literal(b":path", b"/metrics"), {PROTOCOL}),
    "a pseudo-header of answers": (PSEUDO + literal(b":status", b"200"), {PROTOCOL}),
    "an unknown pseudo-header": (PSEUDO + literal(b":x", b"1"), {PROTOCOL}),
    "a pseudo-header behind others": (literal(b"accept", b"x") + PSEUDO, {PROTOCOL}),
    "a space in a name": (PSEUDO + literal(b"a b", b"x"), {PROTOCOL}),
    "a line feed in a value": (PSEUDO + literal(b"x", b"a\r\nhost: b"), {PROTOCOL}),
    "a zero in a value": (PSEUDO + literal(b"x", b"a\0b"), {PROTOCOL}),
    "another host": (PSEUDO + literal(b"host", b"evil.example"), {"421", PROTOCOL}),
    "two hosts": (PSEUDO + literal(b"host", b"localhost") * 2, {"400", PROTOCOL}),
    "a host of others": (
        b"".join(literal(n.encode(), v.encode()) for n, v in replaced(GET, authority="evil.example")),
        {"421"},
    ),
    "a relative path": (
        b"".join(literal(n.encode(), v.encode()) for n, v in replaced(GET, path="v1/models")),
        {"400", "404", PROTOCOL},
    ),
    "an index that is not there": (b"\xff\xff\x7f", set()),
    "a number without an end": (b"\xff" + b"\xff" * 20, set()),
    "a value that is cut off": (PSEUDO + b"\x00\x01x\x7fab", set()),
    "a table that is too large": (b"\x3f\xff\xff\xff\x7f" + PSEUDO, set()),
    "bad Huffman": (PSEUDO + b"\x00\x01x\x84\xff\xff\xff\xff", set()),
}


@pytest.mark.parametrize("name", HEADS)
def test_a_head_that_is_none_is_refused(encrypted, fake, name):
    block, outcomes = HEADS[name]
    fake.script(answer())
    with Peer(encrypted.port) as peer:
        peer.send(raw_head(1, block))
        outcome = peer.outcome(1)
        assert outcome in outcomes or outcome.startswith("GOAWAY ")
        if not peer.of(GoAwayFrame):
            # A stream is refused, and its connection goes on.
            assert chat(peer, 3) == "200"
    assert encrypted.healthy()


def head(stream, headers=POST, end=False):
    flags = 0x4 | (0x1 if end else 0)
    block = b"".join(literal(name.encode(), value.encode()) for name, value in headers)
    return raw_head(stream, block, flags)


def data(stream, payload=CHAT, end=True):
    return frame(0, 0x1 if end else 0, stream, payload)


def length(value):
    return [*POST, ("content-length", str(value))]


GOAWAY = "GOAWAY "
OVERFLOW = "RST_STREAM FLOW_CONTROL_ERROR"

# What is sent, and what may become of stream 1.
FRAMES = {
    "data before a head": ([data(1)], {GOAWAY}),
    "data on the connection": ([data(0)], {GOAWAY}),
    "a head on the connection": ([head(0)], {GOAWAY}),
    "an even stream": ([head(2)], {GOAWAY}),
    "a stream that is behind": ([head(5, GET, True), head(3, GET, True)], {GOAWAY}),
    "a body longer than announced": ([head(1, length(5)), data(1)], {PROTOCOL}),
    "a body shorter than announced": ([head(1, length(5000)), data(1)], {PROTOCOL, "400"}),
    "no body where one is announced": ([head(1, length(5), True)], {PROTOCOL, "400"}),
    "two lengths": ([head(1, [*length(5), ("content-length", "6")]), data(1)], {PROTOCOL, "400"}),
    "a length that is no number": ([head(1, length("0x5")), data(1)], {PROTOCOL, "400"}),
    # Nothing reads them.
    "trailers with a pseudo-header": (
        [head(1), data(1, end=False), head(1, [(":path", "/metrics")], True)],
        {PROTOCOL, "200"},
    ),
    "trailers that do not end": ([head(1), data(1, end=False), head(1, [("x", "y")])], {PROTOCOL, GOAWAY}),
    "a frame that is too large": ([head(1), data(1, b"x" * 20000)], {GOAWAY}),
    "padding longer than its frame": ([head(1), frame(0, 0x9, 1, b"\xff" + b"x" * 10)], {GOAWAY}),
    "a window that grows by nothing": ([head(1), frame(8, 0, 1, struct.pack("!I", 0))], {PROTOCOL, GOAWAY}),
    "a connection's window that grows by nothing": ([frame(8, 0, 0, struct.pack("!I", 0))], {GOAWAY}),
    "a window beyond all bounds": (
        [head(1), *[frame(8, 0, 1, struct.pack("!I", 0x7FFFFFFF))] * 2],
        {OVERFLOW, GOAWAY},
    ),
    "a connection's window beyond all bounds": (
        [frame(8, 0, 0, struct.pack("!I", 0x7FFFFFFF))] * 2,
        {GOAWAY},
    ),
    "a promise of a client": ([frame(5, 0x4, 1, struct.pack("!I", 2) + PSEUDO)], {GOAWAY}),
    "a setting of the wrong length": ([frame(4, 0, 0, b"12345")], {GOAWAY}),
    "a setting of a stream": ([frame(4, 0, 1, b"")], {GOAWAY}),
    "an acknowledged setting with settings": ([frame(4, 1, 0, b"123456")], {GOAWAY}),
    "a window that is none as a setting": (
        [frame(4, 0, 0, struct.pack("!HI", 4, 0xFFFFFFFF))],
        {GOAWAY},
    ),
    "frames that are too large as a setting": ([frame(4, 0, 0, struct.pack("!HI", 5, 1))], {GOAWAY}),
    "a ping of the wrong length": ([frame(6, 0, 0, b"1234")], {GOAWAY}),
    "a ping on a stream": ([frame(6, 0, 1, b"12345678")], {GOAWAY}),
    "a reset of a stream that is not open": ([frame(3, 0, 1, b"\0\0\0\0")], {GOAWAY}),
    "a reset of the wrong length": ([head(1), frame(3, 0, 1, b"\0\0")], {GOAWAY}),
    "a continuation of nothing": ([frame(9, 0x4, 1, PSEUDO)], {GOAWAY}),
    "something between a head and its continuation": (
        [raw_head(1, PSEUDO, 0x1), frame(6, 0, 0, b"12345678")],
        {GOAWAY},
    ),
    "a stream that depends on itself": (
        [frame(1, 0x25, 1, struct.pack("!IB", 1, 0) + PSEUDO)],
        {PROTOCOL, GOAWAY, "200"},
    ),
    "a frame of an unknown kind": ([frame(200, 0xFF, 1, b"x" * 100), head(1, GET, True)], {"200"}),
    "another preface": ([b"GET / HTTP/1.1\r\n\r\n"], {GOAWAY}),
}


@pytest.mark.parametrize("name", FRAMES)
def test_frames_that_are_forbidden_are_refused(encrypted, fake, name):
    frames, outcomes = FRAMES[name]
    fake.script(answer())
    with Peer(encrypted.port) as peer:
        peer.send(*frames)
        outcome = peer.outcome(1)
        assert outcome in outcomes or outcome.startswith("GOAWAY ") and GOAWAY in outcomes
        assert outcome == "200" or not fake.requests
        if not peer.of(GoAwayFrame) and not peer.ended:
            assert chat(peer, 7) == "200"
    assert encrypted.healthy()


def test_a_stream_is_not_used_twice(encrypted, fake):
    fake.script(answer())
    with Peer(encrypted.port) as peer:
        assert chat(peer, 1) == "200"
        peer.body(1)
        peer.frames.clear()
        peer.send(head(1), data(1))
        assert peer.outcome(1).startswith(("GOAWAY ", "RST_STREAM "))
        assert len(fake.requests) == 1
    assert encrypted.healthy()


def test_more_than_the_window_is_refused(encrypted, fake):
    fake.script(answer())
    with Peer(encrypted.port) as peer:
        peer.send(head(1, [*POST, ("authorization", "x")]), *[data(1, b"x" * 16384, False)] * 5000)
        assert peer.outcome(1).startswith(("GOAWAY ", "RST_STREAM ", "413"))
    assert encrypted.healthy() and not fake.requests


def test_no_preface_and_half_of_one_are_refused(encrypted):
    for start in (b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n", PREFACE[:-1] + b"X", b"\0" * 1000):
        with Peer(encrypted.port, start=start) as peer:
            assert peer.outcome(1).startswith(("GOAWAY ", "closed"))
    assert encrypted.healthy()


# Floods: each sends for as long as the connection takes it, or until it has sent enough.


def rapid_reset(peer):
    for stream in range(1, 2 * MANY, 2):
        reset = RstStreamFrame(stream, error_code=8)
        if not send(peer, peer.head(stream, POST, end=False), DataFrame(stream, data=CHAT, flags=["END_STREAM"]), reset):
            return


def rapid_reset_in_batches(peer):
    """As many as may be open at once, then their resets, and the next ones."""
    for begin in range(1, 2 * MANY, 200):
        streams = range(begin, begin + 200, 2)
        opened = [
            item
            for stream in streams
            for item in (peer.head(stream, POST, end=False), DataFrame(stream, data=CHAT, flags=["END_STREAM"]))
        ]
        if not send(peer, *opened) or not send(peer, *[RstStreamFrame(stream, error_code=8) for stream in streams]):
            return


def made_you_reset(peer):
    """Each stream is broken by a frame after which the server has to reset it."""
    for stream in range(1, 2 * MANY, 2):
        broken = frame(8, 0, stream, struct.pack("!I", 0))
        if not send(peer, peer.head(stream, POST, end=False), DataFrame(stream, data=CHAT, flags=["END_STREAM"]), broken):
            return


def made_you_reset_by_windows(peer):
    for stream in range(1, 2 * MANY, 2):
        broken = [WindowUpdateFrame(stream, window_increment=0x7FFFFFFF)] * 2
        if not send(peer, peer.head(stream, POST, end=False), DataFrame(stream, data=CHAT, flags=["END_STREAM"]), *broken):
            return


def made_you_reset_by_data(peer):
    """Data behind the end of a stream."""
    for stream in range(1, 2 * MANY, 2):
        body = DataFrame(stream, data=CHAT, flags=["END_STREAM"])
        if not send(peer, peer.head(stream, POST, end=False), body, body):
            return


def bad_heads(peer):
    for stream in range(1, 2 * MANY, 2):
        if not send(peer, raw_head(stream, PSEUDO + literal(b"Accept", b"x"))):
            return


def continuations(peer):
    if not send(peer, HeadersFrame(1, data=peer.encoder.encode(POST), flags=["END_STREAM"])):
        return
    for _ in range(MANY):
        # A literal that is never to be indexed, over and over.
        if not send(peer, ContinuationFrame(1, data=literal(b"x", b"y" * 100) * 150)):
            return


def empty_continuations(peer):
    if not send(peer, HeadersFrame(1, data=peer.encoder.encode(POST), flags=["END_STREAM"])):
        return
    for _ in range(MANY):
        if not send(peer, *[ContinuationFrame(1, data=b"")] * 100):
            return


def empty_data(peer):
    if not send(peer, peer.head(1, POST, end=False)):
        return
    for _ in range(MANY):
        if not send(peer, *[DataFrame(1, data=b"")] * 100):
            return


def empty_data_of_many(peer):
    for stream in range(1, 201, 2):
        if not send(peer, peer.head(stream, POST, end=False)):
            return
    for _ in range(MANY):
        if not send(peer, *[DataFrame(stream, data=b"") for stream in range(1, 201, 2)]):
            return


def padded_data(peer):
    if not send(peer, peer.head(1, POST, end=False)):
        return
    for _ in range(MANY):
        if not send(peer, frame(0, 0x8, 1, b"\xff" + b"\0" * 255)):
            return


def settings(peer):
    for _ in range(MANY):
        # Nothing is read: the acknowledgements have nowhere to go.
        if not send(peer, *[SettingsFrame(0, settings={4: 65535})] * 100, reads=False):
            return


def pings(peer):
    for _ in range(MANY):
        if not send(peer, *[PingFrame(0, opaque_data=b"12345678")] * 100, reads=False):
            return


def pings_that_are_read(peer):
    for _ in range(MANY // 5):
        if not send(peer, *[PingFrame(0, opaque_data=b"12345678")] * 100):
            return


def priorities(peer):
    for stream in range(1, 2 * MANY, 2):
        if not send(peer, *[frame(2, 0, stream, struct.pack("!IB", 0, 10))] * 100):
            return


def unknown_frames(peer):
    for _ in range(MANY):
        if not send(peer, frame(200, 0, 0, b"x" * 10000)):
            return


def packed_heads(peer):
    """A header of 4,000 bytes that stands in the table, and is named as often as a frame has room."""
    first = b"\x40\x01x\x7f\xa1\x1e" + b"y" * 4000
    if not send(peer, raw_head(1, PSEUDO + first)):
        return
    for stream in range(3, 2 * (MANY // 5), 2):
        if not send(peer, raw_head(stream, PSEUDO + b"\xbe" * 16000)):
            return


FLOODS = [
    rapid_reset,
    rapid_reset_in_batches,
    made_you_reset,
    made_you_reset_by_windows,
    made_you_reset_by_data,
    bad_heads,
    continuations,
    empty_continuations,
    empty_data,
    empty_data_of_many,
    padded_data,
    settings,
    pings,
    pings_that_are_read,
    priorities,
    unknown_frames,
    packed_heads,
]


def send(peer, *frames, reads=True):
    """Whether the connection still takes frames. One that takes none for a while has bounded its flood."""
    taken = peer.send(*frames, patience=1)
    while reads and peer.take():
        pass
    return taken and not peer.ended and not (reads and peer.of(GoAwayFrame))


def resident(gateway, peak=False):
    """The memory of the process in KiB, now or at the most since `forget`."""
    name = "VmHWM" if peak else "VmRSS"
    status = Path(f"/proc/{gateway.server.process.pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith(name + ":")]
    return int(line.split()[1])


def forget(gateway):
    """Counts the most memory anew, where the system lets us: a process with secrets belongs to root."""
    with contextlib.suppress(PermissionError):
        Path(f"/proc/{gateway.server.process.pid}/clear_refs").write_text("5")


def settle(gateway):
    """Waits until no request is in flight."""
    end = time.monotonic() + DEADLINE
    while gateway.metric("spicerack_requests_in_flight") != 0:
        assert time.monotonic() < end, "requests are still in flight"


def held(gateway, fake, flood):
    """Lets a flood loose, and holds the gateway to what must be during and after it."""
    settle(gateway)
    forget(gateway)
    before = resident(gateway, peak=True)
    failures = []

    def run():
        try:
            with Peer(gateway.port) as peer:
                flood(peer)
        except (AssertionError, OSError) as failure:
            failures.append(failure)

    flooding = threading.Thread(target=run)
    flooding.start()
    others = 0
    while True:
        running = flooding.is_alive()
        assert gateway.chat(CHAT)[0] == 200
        assert gateway.healthy()
        others += 1
        if not running:
            break
    flooding.join()
    settle(gateway)
    assert not failures, failures
    calls = len(fake.requests) - others
    grown = resident(gateway, peak=True) - before
    print(f"{flood.__name__}: {others} others, {calls} calls, {grown} KiB more at the most")
    assert calls <= CALLS
    assert grown <= MEMORY


@pytest.mark.parametrize("flood", FLOODS, ids=lambda flood: flood.__name__)
def test_a_flood_costs_little_and_harms_nobody_else(encrypted, fake, flood):
    fake.script(answer())
    held(encrypted, fake, flood)


def test_streams_that_the_server_is_made_to_reset_while_they_run_are_few(encrypted, fake):
    fake.script(Stream(text_frames("begun"), ending="hold"))
    with Peer(encrypted.port) as peer:
        for begin in range(1, 2 * MANY, 100):
            streams = range(begin, begin + 100, 2)
            for stream in streams:
                peer.send(peer.head(stream, POST, end=False), DataFrame(stream, data=STREAMED, flags=["END_STREAM"]))
            # Each has been paid for.
            for stream in streams:
                peer.status(stream)
            broken = [WindowUpdateFrame(stream, window_increment=0x7FFFFFFF) for stream in streams]
            if not send(peer, *broken, *broken):
                break
    settle(encrypted)
    print(f"{len(fake.requests)} calls")
    assert len(fake.requests) <= CALLS
    assert encrypted.healthy()


def test_streams_whose_windows_stay_shut_hold_little(encrypted, fake):
    fake.script(Stream([*text_frames(*["x" * 20000] * 10), *last_frames()]))

    def hold(peer):
        for stream in range(1, 201, 2):
            peer.send(peer.head(stream, POST, end=False), DataFrame(stream, data=STREAMED, flags=["END_STREAM"]))
        for stream in range(1, 201, 2):
            assert peer.status(stream) == "200"
        assert not peer.of(DataFrame)

    settle(encrypted)
    before = resident(encrypted)
    with Peer(encrypted.port, settings={4: 0}) as peer:
        hold(peer)
        assert encrypted.healthy()
        # Those who take what they asked for are served meanwhile.
        status, body = encrypted.chat(STREAMED)
        assert status == 200 and events(body)[1]
        grown = resident(encrypted) - before
        print(f"{grown} KiB more")
        assert grown <= MEMORY
    settle(encrypted)
    assert len(fake.requests) == 101
