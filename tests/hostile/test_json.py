"""JSONTestSuite: every text as a request, inside one, and as what Bedrock answers.

The suite says of each text by its name whether a reader must take it (`y_`), must refuse it (`n_`), or may do either
(`i_`). The package has lost the bytes that are no UTF-8, so such texts come once more with bytes that are none.
"""

import json
import re

import pytest
from conftest import Differences, events, problem
from fake_bedrock import Json, Stream, answer, event, last_frames, text_frames

HELLO = b'{"role":"user","content":"hi"}'
LOST = "\ufffd".encode()


def cases(corpora):
    """What must become of each text, its name and its bytes."""
    for case in corpora["json"]:
        name, text = case["name"], case["input"].encode()
        yield name[0], name, text
        if LOST in text:
            # No reader may take bytes that are no UTF-8.
            yield "n", f"{name} as bytes", text.replace(LOST, b"\xe5")


def parsed(text):
    """What a text means to another reader; numbers stay as they were written."""
    return json.loads(text, parse_int=str, parse_float=str)


def is_object(text):
    try:
        return isinstance(parsed(text), dict)
    except (ValueError, RecursionError):
        return False


def meaning(text):
    """What a text means to another reader, or that it means nothing."""
    try:
        return parsed(text)
    except (ValueError, RecursionError):
        return "no JSON"


def squeezed(text):
    return re.sub(r"[ \t\r\n]", "", text)


def request(*members):
    return b'{"model":"nova","messages":[' + HELLO + b"]," + b",".join(members) + b"}"


def history(arguments):
    """A conversation in which a tool was called with these arguments, in JSON."""
    call = b'{"id":"c1","type":"function","function":{"name":"f","arguments":' + arguments + b"}}"
    messages = [
        HELLO,
        b'{"role":"assistant","tool_calls":[' + call + b"]}",
        b'{"role":"tool","tool_call_id":"c1","content":"done"}',
    ]
    return b'{"model":"nova","messages":[' + b",".join(messages) + b'],"tools":[{"type":"function","function":{"name":"f"}}]}'


def ask(gateway, fake, body):
    """The status, the answer, and the body that reached Bedrock, if one did."""
    fake.script(answer())
    status, reply = gateway.chat(body)
    assert len(fake.requests) <= 1
    sent = fake.requests[0]["body"] if fake.requests else None
    assert (status == 200) == (sent is not None), (status, reply, body[:200])
    return status, reply, sent


def refused(status, reply):
    return status == 400 and problem(reply)["type"] == "invalid_request_error"


def test_a_text_is_no_request(gateway, fake, corpora):
    differences = Differences()
    for expected, name, text in cases(corpora):
        status, reply, _ = ask(gateway, fake, text)
        differences.check(refused(status, reply), name, status, reply)
        if expected == "y" and is_object(text):
            # It was read, and is no chat.
            differences.check("valid JSON" not in problem(reply)["message"], name, reply)
    differences.done(360)


def test_a_text_within_a_request_is_read_or_refused_and_arrives_as_it_was(gateway, fake, corpora):
    differences = Differences()
    for expected, name, text in cases(corpora):
        schema = b'{"type":"object","default":' + text + b"}"
        tool = b'"tools":[{"type":"function","function":{"name":"f","parameters":' + schema + b"}}]"
        status, reply, sent = ask(gateway, fake, request(tool))
        differences.check(status == 200 or refused(status, reply), name, status, reply)
        differences.check(expected != "y" or status == 200, name, status, reply)
        differences.check(expected != "n" or status == 400, name, status, reply)
        if status == 200:
            [tool] = json.loads(sent, parse_int=str, parse_float=str)["toolConfig"]["tools"]
            arrived = tool["toolSpec"]["inputSchema"]["json"]["default"]
            differences.check(arrived == parsed(text), name, text, arrived)
    differences.done(1000)


@pytest.mark.parametrize("member", ["parameters", "metadata", "response_format", "stop", "user", "unheard_of"])
def test_a_text_in_the_place_of_a_member_is_read_or_refused(gateway, fake, corpora, member):
    differences = Differences()
    for expected, name, text in cases(corpora):
        if member == "parameters":
            body = request(b'"tools":[{"type":"function","function":{"name":"f","parameters":' + text + b"}}]")
        else:
            body = request(b'"' + member.encode() + b'":' + text)
        status, reply, _ = ask(gateway, fake, body)
        differences.check(status == 200 or refused(status, reply), name, status, reply)
        differences.check(expected != "n" or status == 400, name, status, reply)
        if expected == "y" and status == 400:
            differences.check("not valid JSON" not in problem(reply)["message"], name, reply)
        if expected == "y" and member == "parameters":
            # `null` is a member that is not there.
            differences.check((status == 200) == (is_object(text) or text == b"null"), name, status, reply)
    differences.done(700)


def test_a_text_as_arguments_of_a_call_is_an_object_or_refused(gateway, fake, corpora):
    differences = Differences()
    for expected, name, text in cases(corpora):
        try:
            written = json.dumps(text.decode()).encode()
        except UnicodeDecodeError:
            written = b'"' + text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
        status, reply, sent = ask(gateway, fake, history(written))
        differences.check(status == 200 or refused(status, reply), name, status, reply)
        # A client writes no arguments where a tool has none.
        if text.strip() and expected != "i":
            differences.check((status == 200) == (expected == "y" and is_object(text)), name, status, reply)
        if status == 200 and text.strip():
            use = json.loads(sent, parse_int=str, parse_float=str)["messages"][1]["content"][0]["toolUse"]
            differences.check(use["input"] == parsed(text), name, text, use["input"])
        # Not as a text, but as JSON of its own.
        status, reply, _ = ask(gateway, fake, history(text))
        differences.check(status == 200 or refused(status, reply), name, status, reply)
        differences.check(expected != "n" or status == 400, name, status, reply)
    differences.done(1000)


CHAT = request(b'"tools":[{"type":"function","function":{"name":"f"}}]')
STREAMED = request(b'"tools":[{"type":"function","function":{"name":"f"}}]', b'"stream":true')


def test_a_text_as_the_whole_answer_of_bedrock_is_a_bad_gateway(gateway, fake, corpora):
    differences = Differences()
    for _, name, text in cases(corpora):
        fake.script(Json(text))
        status, reply = gateway.chat(CHAT)
        differences.check(status == 502 and problem(reply)["code"] == "upstream_error", name, status, reply)
    differences.done(340)


def test_a_text_within_an_answer_of_bedrock_arrives_as_it_was_or_is_a_bad_gateway(gateway, fake, corpora):
    differences = Differences()
    for expected, name, text in cases(corpora):
        use = b'{"toolUse":{"toolUseId":"t","name":"f","input":' + text + b"}}"
        body = b'{"output":{"message":{"role":"assistant","content":[' + use + b']}},"stopReason":"tool_use",'
        fake.script(Json(body + b'"usage":{"inputTokens":3,"outputTokens":2,"totalTokens":5}}'))
        status, reply = gateway.chat(CHAT)
        differences.check(status in (200, 502), name, status, reply)
        differences.check(expected != "y" or status == 200, name, status, reply)
        differences.check(expected != "n" or status == 502, name, status, reply)
        if status == 200:
            [call] = json.loads(reply)["choices"][0]["message"]["tool_calls"]
            arrived = call["function"]["arguments"]
            # A call without input has an empty one.
            differences.check(parsed(arrived) == (parsed(text) if text != b"null" else {}), name, text, arrived)
    differences.done(1000)


@pytest.mark.parametrize("kind", ["messageStart", "contentBlockStart", "contentBlockDelta", "messageStop", "metadata"])
def test_a_text_as_the_payload_of_an_event_alters_no_answer(gateway, fake, corpora, kind):
    differences = Differences()
    for expected, name, text in cases(corpora):
        frames = text_frames("fi", "ne")
        if kind == "messageStart":
            fake.script(Stream([event(kind, text), *text_frames("fi", "ne")[1:], *last_frames()]))
        elif kind == "messageStop":
            fake.script(Stream([*frames, last_frames()[0], event(kind, text), last_frames()[2]]))
        elif kind == "metadata":
            fake.script(Stream([*frames, *last_frames()[:2], event(kind, text)]))
        else:
            fake.script(Stream([*frames, event(kind, text), *last_frames()]))
        status, reply = gateway.chat(STREAMED)
        if status != 200:
            differences.check(status == 502 and kind == "messageStart" and problem(reply), name, status, reply)
            continue
        chunks, done = events(reply)
        failed = any("error" in chunk for chunk in chunks)
        pieces = [choice["delta"].get("content") or "" for chunk in chunks for choice in chunk.get("choices", [])]
        differences.check("".join(pieces) == "fine", name, reply)
        differences.check(done != failed, name, reply)
        # The role is known without reading it, and after `messageStop` only the usage is lost.
        differences.check(expected != "n" or failed or kind in ("messageStart", "metadata"), name, reply)
    differences.done(340)


def test_a_text_as_arguments_in_pieces_arrives_as_it_was(gateway, fake, corpora):
    differences = Differences()
    for _, name, text in cases(corpora):
        try:
            text = text.decode()
        except UnicodeDecodeError:
            continue
        start = {"contentBlockIndex": 0, "start": {"toolUse": {"toolUseId": "t", "name": "f"}}}
        frames = [event("messageStart", {"role": "assistant"}), event("contentBlockStart", start)]
        for begin in range(0, min(len(text), 3000), 7):
            delta = {"contentBlockIndex": 0, "delta": {"toolUse": {"input": text[begin : begin + 7]}}}
            frames.append(event("contentBlockDelta", delta))
        fake.script(Stream([*frames, *last_frames("tool_use")]))
        status, reply = gateway.chat(STREAMED)
        chunks, done = events(reply)
        calls = [
            call["function"].get("arguments", "")
            for chunk in chunks
            for choice in chunk.get("choices", [])
            for call in choice["delta"].get("tool_calls", [])
        ]
        differences.check(status == 200 and done, name, reply)
        # White space between tokens is taken out, and nothing else; no arguments are an empty object.
        arrived = "".join(calls)
        whole = text[:3003] if text.strip() else "{}"
        differences.check(squeezed(arrived) == squeezed(whole), name, text, calls)
        differences.check(meaning(arrived) == meaning(whole), name, text, calls)
    differences.done(1000)
