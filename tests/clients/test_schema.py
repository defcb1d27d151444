"""What the gateway sends, held against OpenAI's own OpenAPI document."""

import copy
import importlib.util
import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from conftest import DEADLINE, fake_pod, model, pod
from fake_bedrock import AwsError, Stream, exception, text_frames
from jsonschema import Draft202012Validator

HELLO = [{"role": "user", "content": "Hello"}]
FORBIDDEN = [{"role": "user", "content": "Tell me about forbidden-word."}]
KEY = "schema-key-0123456789"
GUARDRAIL = {"bedrock_guardrail_identifier": "abc123", "bedrock_guardrail_version": "DRAFT"}
POD = pod(model("nova"), model("team/nova"), model("traced", bedrock_trace="enabled", **GUARDRAIL))
AUTH = f"runtime:\n  auth:\n    api-key:\n      keys:\n        - {KEY}\n"
LOCKED = pod(model("nova"), runtime=AUTH)


def rewritten(node):
    """OpenAPI's dialect as JSON Schema: `nullable` also allows null, and a boolean bound has no meaning there."""
    if isinstance(node, list):
        return [rewritten(item) for item in node]
    if not isinstance(node, dict):
        return node
    nullable = node.get("nullable") is True
    bounds = ("exclusiveMinimum", "exclusiveMaximum")
    skip = {"nullable", "$recursiveAnchor"} | {key for key in bounds if isinstance(node.get(key), bool)}
    plain = {key: rewritten(value) for key, value in node.items() if key not in skip}
    return {"anyOf": [plain, {"type": "null"}]} if nullable else plain


@pytest.fixture(scope="session")
def valid():
    [folder] = importlib.util.find_spec("llm_comply").submodule_search_locations
    document = json.loads((Path(folder) / "specs" / "openai_chat.json").read_text())
    # Rewriting only the schemas keeps their names, some of which are words of the dialect.
    schemas = {name: rewritten(schema) for name, schema in document["components"]["schemas"].items()}

    def check(name, value):
        schema = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}}
        found = Draft202012Validator(schema).iter_errors(value)
        assert not (problems := [f"{error.json_path}: {error.message}" for error in found]), problems

    return check


@pytest.fixture(scope="session")
def url(serve):
    return serve(POD, "--emulator").url


def send(url, path, body=None, key="any", method=None, kind="application/json"):
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"authorization": f"Bearer {key}"} | ({"content-type": kind} if data is not None else {})
    request = urllib.request.Request(url + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=DEADLINE) as reply:
            return reply.status, reply.headers, reply.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def chat(url, **body):
    return send(url, "/v1/chat/completions", {"model": "nova", "messages": HELLO, **body})


def events(data):
    lines = [line for line in data.decode().split("\n") if line.startswith("data: ")]
    return [line.removeprefix("data: ") for line in lines]


COMPLETION = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "nova",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "hi", "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}


def test_the_document_is_strict_enough_to_prove_something(valid):
    valid("CreateChatCompletionResponse", COMPLETION)
    lacking = []
    for path in ([], ["choices", 0], ["choices", 0, "message"]):
        part = COMPLETION
        for step in path:
            part = part[step]
        lacking += [(path, key) for key in part if (path, key) != ([], "usage")]
    for path, key in lacking:
        broken = copy.deepcopy(COMPLETION)
        part = broken
        for step in path:
            part = part[step]
        del part[key]
        with pytest.raises(AssertionError, match=key):
            valid("CreateChatCompletionResponse", broken)
    for change in ({"system_fingerprint": None}, {"created": "1"}, {"object": "chat.completion.chunk"}):
        with pytest.raises(AssertionError):
            valid("CreateChatCompletionResponse", {**COMPLETION, **change})
    with pytest.raises(AssertionError, match="param"):
        valid("ErrorResponse", {"error": {"message": "m", "type": "t", "code": None}})


@pytest.mark.parametrize(("name", "messages"), [("nova", HELLO), ("traced", HELLO), ("traced", FORBIDDEN)])
def test_replies(valid, url, name, messages):
    status, headers, data = chat(url, model=name, messages=messages)
    assert (status, headers["content-type"]) == (200, "application/json")
    valid("CreateChatCompletionResponse", json.loads(data))


@pytest.mark.parametrize("options", [{}, {"stream_options": {"include_usage": True}}])
@pytest.mark.parametrize(("name", "messages"), [("nova", HELLO), ("traced", HELLO), ("traced", FORBIDDEN)])
def test_chunks(valid, url, name, messages, options):
    status, _, data = chat(url, model=name, messages=messages, stream=True, **options)
    assert status == 200
    *chunks, done = events(data)
    assert done == "[DONE]"
    assert len(chunks) >= 3
    for chunk in map(json.loads, chunks):
        valid("CreateChatCompletionStreamResponse", chunk)
        assert ("usage" in chunk) == bool(options)


def test_models(valid, url):
    status, _, data = send(url, "/v1/models")
    assert status == 200
    valid("ListModelsResponse", json.loads(data))
    for path in ("nova", "team%2Fnova", "team/nova"):
        status, _, data = send(url, f"/v1/models/{path}")
        assert status == 200
        valid("Model", json.loads(data))


def assert_error(valid, reply, status):
    found, headers, data = reply
    assert found == status, data
    assert headers["content-type"] == "application/json"
    assert headers["x-request-id"]
    body = json.loads(data)
    valid("ErrorResponse", body)
    assert set(body["error"]) == {"message", "type", "param", "code"}


def test_errors(valid, url):
    path = "/v1/chat/completions"
    request = json.dumps({"model": "nova", "messages": HELLO}).encode()
    assert_error(valid, chat(url, messages=[]), 400)
    assert_error(valid, chat(url, n=2), 400)
    assert_error(valid, send(url, path, b"{"), 400)
    assert_error(valid, send(url, path, b'{"model":"nova","model":"nova","messages":[]}'), 400)
    assert_error(valid, chat(url, model="no/such"), 404)
    assert_error(valid, chat(url, model="no/such", stream=True), 404)
    assert_error(valid, send(url, "/v1/models/no%2Fsuch"), 404)
    assert_error(valid, send(url, "/v1/nothing"), 404)
    assert_error(valid, send(url, path, method="GET"), 405)
    assert_error(valid, send(url, path, request, kind="text/plain"), 415)


def test_errors_without_a_key(valid, serve):
    locked = serve(LOCKED, "--emulator").url
    assert_error(valid, send(locked, "/v1/models"), 401)
    assert send(locked, "/v1/models", key=KEY)[0] == 200


def test_errors_of_bedrock(valid, serve, fake):
    url = serve(fake_pod(fake)).url
    for status, kind, seen in [
        (429, "ThrottlingException", 429),
        (503, "ServiceUnavailableException", 503),
        (500, "InternalServerException", 502),
        (403, "AccessDeniedException", 502),
        (400, "ValidationException", 400),
    ]:
        fake.script(AwsError(status, kind))
        assert_error(valid, chat(url), seen)
        assert_error(valid, chat(url, stream=True), seen)


def test_an_error_in_a_stream(valid, serve, fake):
    fake.script(Stream([*text_frames("partial"), exception("modelStreamErrorException", "scripted")]))
    status, _, data = chat(serve(fake_pod(fake)).url, stream=True)
    assert status == 200
    *chunks, last = [json.loads(text) for text in events(data)]
    valid("ErrorResponse", last)
    for chunk in chunks:
        valid("CreateChatCompletionStreamResponse", chunk)
