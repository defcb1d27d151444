"""The official OpenAI client for Python, unmodified."""

import asyncio
import json
import time

import openai
import pytest
from conftest import DEADLINE, fake_pod, model, pod
from fake_bedrock import AwsError, Stream, answer, event, exception, last_frames, text_frames

HELLO = [{"role": "user", "content": "Hello"}]
MANY = [{"role": "user", "content": "repeat 50 word"}]
FORBIDDEN = [{"role": "user", "content": "Tell me about forbidden-word."}]
GUARDRAIL = {"bedrock_guardrail_identifier": "abc123", "bedrock_guardrail_version": "DRAFT"}
KEY = "clients-key-0123456789"

POD = pod(
    model("nova"),
    model("team/nova", "us.amazon.nova-lite-v1:0"),
    model("guarded", **GUARDRAIL),
    model("traced", bedrock_trace="enabled", **GUARDRAIL),
)
AUTH = f"runtime:\n  auth:\n    api-key:\n      keys:\n        - {KEY}\n"
LOCKED = pod(model("nova"), runtime=AUTH)


def connect(url, kind=openai.OpenAI, **options):
    # The gateway has its own retries; those of the client would hide its answers.
    return kind(base_url=f"{url}/v1", **{"api_key": "any", "max_retries": 0, "timeout": DEADLINE, **options})


@pytest.fixture(scope="session")
def url(serve):
    return serve(POD, "--emulator").url


@pytest.fixture(scope="session")
def client(url):
    return connect(url)


@pytest.fixture
def scripted(serve, fake):
    """A client whose upstream does what a test says."""
    return connect(serve(fake_pod(fake)).url)


def text_of(chunks):
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


def finish_of(chunks):
    return [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason]


def test_models_are_listed(client):
    before = time.time()
    models = client.models.list().data
    assert [found.id for found in models] == ["nova", "team/nova", "guarded", "traced"]
    for found in models:
        assert (found.object, found.owned_by) == ("model", "bedrock")
        assert 0 < before - found.created < 3600


@pytest.mark.parametrize("name", ["nova", "team/nova"])
def test_a_model_is_retrieved(client, name):
    assert client.models.retrieve(name).id == name


def test_an_unknown_model_is_not_found(client):
    for call in (
        lambda: client.models.retrieve("no/such"),
        lambda: client.chat.completions.create(model="no/such", messages=HELLO),
        lambda: client.chat.completions.create(model="no/such", messages=HELLO, stream=True),
    ):
        with pytest.raises(openai.NotFoundError) as caught:
            call()
        assert caught.value.status_code == 404
        assert caught.value.code == "model_not_found"
        assert caught.value.type == "invalid_request_error"
        assert caught.value.request_id


@pytest.mark.parametrize("name", ["nova", "team/nova"])
def test_a_completion(client, name):
    reply = client.chat.completions.create(model=name, messages=HELLO)
    assert reply.id.startswith("chatcmpl-")
    assert (reply.object, reply.model) == ("chat.completion", name)
    [choice] = reply.choices
    assert (choice.index, choice.finish_reason, choice.message.role) == (0, "stop", "assistant")
    assert choice.message.content
    assert reply.usage.prompt_tokens > 0 and reply.usage.completion_tokens > 0
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens
    assert reply._request_id


def test_request_ids(client):
    raw = client.chat.completions.with_raw_response.create(model="nova", messages=HELLO)
    assert raw.parse()._request_id == raw.headers["x-request-id"]
    assert raw.headers["x-amzn-requestid"], "AWS's own id, for its support"
    kept = client.chat.completions.create(model="nova", messages=HELLO, extra_headers={"x-request-id": "mine-1"})
    assert kept._request_id == "mine-1"
    first, second = (client.chat.completions.create(model="nova", messages=HELLO) for _ in range(2))
    assert first._request_id != second._request_id and first.id != second.id


def test_a_stream_gives_the_same_answer(client):
    whole = client.chat.completions.create(model="nova", messages=MANY)
    chunks = list(client.chat.completions.create(model="nova", messages=MANY, stream=True))
    assert len(whole.choices[0].message.content.split()) == 50
    assert text_of(chunks) == whole.choices[0].message.content
    assert len([chunk for chunk in chunks if text_of([chunk])]) > 1, "it comes in pieces"
    assert chunks[0].choices[0].delta.role == "assistant"
    assert finish_of(chunks) == ["stop"]
    assert {(chunk.id, chunk.created, chunk.model, chunk.object) for chunk in chunks} == {
        (chunks[0].id, chunks[0].created, "nova", "chat.completion.chunk")
    }


def test_usage_comes_once_and_only_if_asked_for(client):
    whole = client.chat.completions.create(model="nova", messages=HELLO).usage
    create = client.chat.completions.create
    silent = list(create(model="nova", messages=HELLO, stream=True))
    assert all(chunk.usage is None and chunk.choices for chunk in silent)
    asked = list(create(model="nova", messages=HELLO, stream=True, stream_options={"include_usage": True}))
    [last] = [chunk for chunk in asked if chunk.usage is not None]
    assert last is asked[-1]
    assert last.choices == []
    assert last.usage == whole


def test_a_stream_ends_with_done(client):
    create = client.chat.completions.with_streaming_response.create
    with create(model="nova", messages=HELLO, stream=True) as raw:
        assert raw.headers["content-type"].startswith("text/event-stream")
        assert raw.headers["x-request-id"]
        events = [line for line in raw.iter_lines() if line.startswith("data:")]
    assert events[-1] == "data: [DONE]"
    assert sum("[DONE]" in line for line in events) == 1
    assert all(json.loads(line[len("data: ") :]) for line in events[:-1])


@pytest.mark.parametrize("name", ["nova", "team/nova", "traced"])
def test_the_stream_helper(client, name):
    options = {"include_usage": True}
    with client.chat.completions.stream(model=name, messages=HELLO, stream_options=options) as stream:
        deltas = "".join(event.delta for event in stream if event.type == "content.delta")
        final = stream.get_final_completion()
    whole = client.chat.completions.create(model=name, messages=HELLO)
    assert final.choices[0].message.content == deltas == whole.choices[0].message.content
    assert final.choices[0].finish_reason == "stop"
    # The helper keeps the usage of the last chunk, so nothing may follow the one that counts.
    assert final.usage == whole.usage


def test_what_clients_send_without_need_is_accepted(client):
    messages = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "name": "ada", "content": [{"type": "text", "text": "Hello"}]},
        {"role": "assistant", "content": "Hi", "refusal": None, "annotations": []},
        {"role": "user", "content": "Go on"},
    ]
    raw = client.chat.completions.with_raw_response.create(
        model="nova", messages=messages, n=1, stream=False, temperature=0, max_tokens=9, stop=["x"], seed=7, user="ada"
    )
    assert raw.parse().choices[0].message.content
    ignored = {word.strip() for word in raw.headers["x-spicerack-ignored"].split(",")}
    assert {"seed", "user"} <= ignored


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"messages": []}, "empty_array", "messages"),
        ({"n": 2}, "unsupported_parameter", "n"),
        ({"logprobs": True}, "unsupported_parameter", "logprobs"),
        ({"temperature": 1.5}, None, "temperature"),
        ({"temperature": "hot"}, None, "temperature"),
    ],
)
def test_a_bad_request_names_its_place(client, stream, body, code, param):
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(**{"model": "nova", "messages": HELLO, "stream": stream, **body})
    assert caught.value.status_code == 400
    assert caught.value.param == param
    assert caught.value.type == "invalid_request_error"
    assert caught.value.message
    if code:
        assert caught.value.code == code


def test_keys(serve):
    locked = serve(LOCKED, "--emulator").url
    assert connect(locked, api_key=KEY).chat.completions.create(model="nova", messages=HELLO).choices
    stranger = connect(locked, api_key="wrong")
    for call in (
        lambda: stranger.models.list(),
        lambda: stranger.chat.completions.create(model="nova", messages=HELLO),
        lambda: stranger.chat.completions.create(model="no/such", messages=HELLO),
    ):
        with pytest.raises(openai.AuthenticationError) as caught:
            call()
        assert caught.value.status_code == 401
        assert caught.value.code == "invalid_api_key"
        assert caught.value.response.headers["www-authenticate"].startswith("Bearer")
        assert KEY not in str(caught.value)


REJECTED = "InvalidSignatureException"
BUSY, FAILED, WRONG = "service_unavailable_error", "api_error", "invalid_request_error"

# What Bedrock answers; then the client's exception with its status, type and code.
UPSTREAM = [
    (429, "ThrottlingException", openai.RateLimitError, 429, "rate_limit_error", "rate_limit_exceeded"),
    (400, "ServiceQuotaExceededException", openai.RateLimitError, 429, "insufficient_quota", "quota_exceeded"),
    (429, "ModelNotReadyException", openai.InternalServerError, 503, BUSY, "model_not_ready"),
    (503, "ServiceUnavailableException", openai.InternalServerError, 503, BUSY, "server_is_overloaded"),
    (500, "InternalServerException", openai.InternalServerError, 502, FAILED, "upstream_error"),
    (408, "ModelTimeoutException", openai.InternalServerError, 504, FAILED, "model_timeout"),
    (424, "ModelErrorException", openai.InternalServerError, 502, FAILED, "model_error"),
    (403, "AccessDeniedException", openai.InternalServerError, 502, FAILED, "upstream_access_denied"),
    (403, REJECTED, openai.InternalServerError, 502, "authentication_error", "upstream_credentials_rejected"),
    (400, "ValidationException", openai.BadRequestError, 400, WRONG, "invalid_request"),
    (404, "ResourceNotFoundException", openai.NotFoundError, 404, WRONG, "model_not_found"),
]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("status", "kind", "raised", "seen", "type_", "code"), UPSTREAM, ids=[row[1] for row in UPSTREAM]
)
def test_errors_of_bedrock(scripted, fake, stream, status, kind, raised, seen, type_, code):
    fake.script(AwsError(status, kind))
    with pytest.raises(raised) as caught:
        scripted.chat.completions.create(model="nova", messages=HELLO, stream=stream)
    error = caught.value
    assert type(error) is raised
    assert (error.status_code, error.type, error.code) == (seen, type_, code)
    assert error.message and error.request_id
    assert error.response.headers["x-amzn-requestid"] == fake.REQUEST_ID
    if seen in (429, 503) and code != "quota_exceeded":
        assert 1 <= int(error.response.headers["retry-after"]) <= 30
        assert error.response.headers["x-should-retry"] == "true"
    elif seen >= 500 and code != "upstream_credentials_rejected":
        assert error.response.headers["x-should-retry"] == "false"
    # Fresh credentials may earn a rejected signature one more try.
    assert len(fake.requests) in ([1, 2] if kind == REJECTED else [1])


def test_a_client_tries_again_when_it_is_told_to(scripted, fake):
    patient = scripted.with_options(max_retries=1)
    fake.script(AwsError(429, "ThrottlingException"), answer("again"))
    assert patient.chat.completions.create(model="nova", messages=HELLO).choices[0].message.content == "again"
    # What the gateway calls final is not asked for twice.
    fake.script(AwsError(424, "ModelErrorException"), answer("again"))
    with pytest.raises(openai.InternalServerError):
        patient.chat.completions.create(model="nova", messages=HELLO)
    assert len(fake.requests) == 1


def test_the_clients_own_accumulator_joins_several_blocks_of_reasoning(scripted, fake):
    def delta(index, **members):
        return event("contentBlockDelta", {"contentBlockIndex": index, "delta": members})

    fake.script(
        Stream(
            [
                event("messageStart", {"role": "assistant"}),
                delta(0, reasoningContent={"text": "first"}),
                delta(0, reasoningContent={"signature": "c2ln"}),
                event("contentBlockStop", {"contentBlockIndex": 0}),
                delta(1, reasoningContent={"redactedContent": "cmVk"}),
                event("contentBlockStop", {"contentBlockIndex": 1}),
                delta(2, text="done"),
                event("contentBlockStop", {"contentBlockIndex": 2}),
                *last_frames()[1:],
            ]
        )
    )
    with scripted.chat.completions.stream(model="nova", messages=HELLO) as stream:
        message = stream.get_final_completion().choices[0].message
    assert message.content == "done"
    kinds = [block["type"] for block in message.thinking_blocks]
    assert kinds == ["thinking", "redacted_thinking"]
    assert message.thinking_blocks[0]["signature"] == "c2ln"


def read_until_error(stream):
    chunks = []
    with pytest.raises(openai.APIError) as caught:
        for chunk in stream:
            chunks.append(chunk)
    return chunks, caught.value


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("throttlingException", "rate_limit_exceeded"),
        ("modelStreamErrorException", "model_stream_error"),
        ("internalServerException", "upstream_error"),
        ("serviceUnavailableException", "server_is_overloaded"),
    ],
)
def test_an_exception_in_the_middle_of_a_stream(scripted, fake, kind, code):
    fake.script(Stream([*text_frames("partial ", "answer"), exception(kind, "scripted")]))
    chunks, error = read_until_error(scripted.chat.completions.create(model="nova", messages=HELLO, stream=True))
    assert text_of(chunks) == "partial answer"
    assert finish_of(chunks) == [], "what did not end has no reason for its end"
    assert error.code == code
    assert error.message
    assert not isinstance(error, openai.APIConnectionError)
    assert len(fake.requests) == 1, "an answer that has begun is paid for, and never asked for again"


@pytest.mark.parametrize("ending", ["end", "cut"])
def test_a_stream_that_ends_too_early_is_an_error(scripted, fake, ending):
    fake.script(Stream(text_frames("partial ", "answer"), ending))
    chunks, error = read_until_error(scripted.chat.completions.create(model="nova", messages=HELLO, stream=True))
    assert text_of(chunks) == "partial answer"
    assert finish_of(chunks) == []
    assert error.code == "upstream_incomplete"
    assert len(fake.requests) == 1


def test_a_corrupt_frame_is_an_error(scripted, fake):
    bad = bytearray(text_frames("altered")[1])
    bad[-20] ^= 1
    fake.script(Stream([*text_frames("partial"), bytes(bad), *last_frames()]))
    chunks, error = read_until_error(scripted.chat.completions.create(model="nova", messages=HELLO, stream=True))
    assert text_of(chunks) == "partial"
    assert error.code == "upstream_corrupt"


def test_an_exception_before_the_first_event_has_a_status_of_its_own(scripted, fake):
    fake.script(Stream([exception("throttlingException", "scripted")]))
    with pytest.raises(openai.RateLimitError) as caught:
        scripted.chat.completions.create(model="nova", messages=HELLO, stream=True)
    assert caught.value.code == "rate_limit_exceeded"


def test_closing_a_stream_hangs_up_on_bedrock(scripted, fake):
    fake.script(Stream(text_frames("partial"), "hold"))
    stream = scripted.chat.completions.create(model="nova", messages=HELLO, stream=True)
    for chunk in stream:
        if text_of([chunk]):
            break
    stream.close()
    assert fake.hung_up.wait(DEADLINE)


def test_both_ways_send_the_same_body(scripted, fake):
    fake.script(answer(), Stream([*text_frames("fine"), *last_frames()]))
    scripted.chat.completions.create(model="nova", messages=HELLO, temperature=0.7)
    list(scripted.chat.completions.create(model="nova", messages=HELLO, temperature=0.7, stream=True))
    whole, streamed = fake.requests
    assert whole["path"].endswith("/converse") and streamed["path"].endswith("/converse-stream")
    assert whole["body"] == streamed["body"]
    assert b'"temperature":0.7' in whole["body"].replace(b" ", b"")


def test_a_body_that_is_too_large(client):
    large = [{"role": "user", "content": "x" * (32 * 1024 * 1024 + 1)}]
    with pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(model="nova", messages=large)
    assert caught.value.status_code == 413
    assert caught.value.code == "request_too_large"


def test_the_async_client(url, serve, fake):
    async def talk():
        async with connect(url, openai.AsyncOpenAI) as client:
            models = [found.id async for found in client.models.list()]
            whole = await client.chat.completions.create(model="nova", messages=HELLO)
            stream = await client.chat.completions.create(model="nova", messages=HELLO, stream=True)
            chunks = [chunk async for chunk in stream]
            with pytest.raises(openai.NotFoundError):
                await client.chat.completions.create(model="no/such", messages=HELLO)
            several = await asyncio.gather(
                *(client.chat.completions.create(model="nova", messages=HELLO) for _ in range(20))
            )
        return models, whole, chunks, several

    models, whole, chunks, several = asyncio.run(talk())
    assert "team/nova" in models
    assert text_of(chunks) == whole.choices[0].message.content
    assert len({reply.id for reply in several}) == 20
    assert {reply.choices[0].message.content for reply in several} == {text_of(chunks)}

    async def fail():
        fake.script(Stream([*text_frames("partial"), exception("modelStreamErrorException", "scripted")]))
        async with connect(serve(fake_pod(fake)).url, openai.AsyncOpenAI) as client:
            async for _ in await client.chat.completions.create(model="nova", messages=HELLO, stream=True):
                pass

    with pytest.raises(openai.APIError) as caught:
        asyncio.run(fail())
    assert caught.value.code == "model_stream_error"


def trace_of(reply):
    return (reply.model_extra or {}).get("bedrock", {}).get("trace")


@pytest.mark.parametrize("name", ["guarded", "traced"])
def test_a_guardrail_that_blocks(client, name):
    reply = client.chat.completions.create(model=name, messages=FORBIDDEN)
    assert reply.choices[0].finish_reason == "content_filter"
    chunks = list(client.chat.completions.create(model=name, messages=FORBIDDEN, stream=True))
    assert finish_of(chunks) == ["content_filter"]
    assert text_of(chunks) == reply.choices[0].message.content
    traces = [chunk for chunk in chunks if trace_of(chunk)]
    if name == "traced":
        assert "forbidden-word" in json.dumps(trace_of(reply))
        assert traces == [chunks[-1]] and chunks[-1].choices == []
        assert "forbidden-word" in json.dumps(trace_of(chunks[-1]))
    else:
        assert trace_of(reply) is None and traces == []


def test_a_guardrail_that_lets_pass(client):
    reply = client.chat.completions.create(model="traced", messages=HELLO)
    assert reply.choices[0].finish_reason == "stop"
    assert trace_of(reply)
    free = client.chat.completions.create(model="nova", messages=FORBIDDEN)
    assert free.choices[0].finish_reason == "stop", "no guardrail, no block"
