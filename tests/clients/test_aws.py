"""AWS's own clients, unmodified, against `spicerack emulator`."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from conftest import DEADLINE

PROFILE = "us.amazon.nova-lite-v1:0"
NOVAS = [f"{profile}amazon.nova-{size}-v1:0" for profile in ("", "us.") for size in ("micro", "lite", "pro", "premier")]
ARNS = [
    f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/{PROFILE}",
    "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3d4e5f6",
    "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0",
]
HELLO = [{"role": "user", "content": [{"text": "Hello"}]}]
FORBIDDEN = [{"role": "user", "content": [{"text": "Tell me about forbidden-word."}]}]
GUARDRAIL = {"guardrailIdentifier": "abc123", "guardrailVersion": "DRAFT", "trace": "enabled"}


@pytest.fixture(scope="session")
def exports(emulator):
    return emulator.exports()


def connect(emulator, key, secret):
    config = Config(retries={"total_max_attempts": 1}, read_timeout=DEADLINE)
    return boto3.client(
        "bedrock-runtime",
        endpoint_url=emulator.url,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=config,
    )


@pytest.fixture(scope="session")
def client(emulator, exports):
    return connect(emulator, exports["AWS_ACCESS_KEY_ID"], exports["AWS_SECRET_ACCESS_KEY"])


def text_of(events):
    deltas = [event["contentBlockDelta"]["delta"] for event in events if "contentBlockDelta" in event]
    return "".join(delta["text"] for delta in deltas)


def refusal(call, **request):
    with pytest.raises(ClientError) as caught:
        call(**request)
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_what_it_prints_is_what_it_knows(emulator, exports):
    assert exports == {
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": emulator.url,
        "AWS_REGION": "us-east-1",
        # The only name that boto3 and version 1 of the command line read.
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "AKIAEMULATOR00000000",
        "AWS_SECRET_ACCESS_KEY": "emulator-secret-access-key-0000000000000",
    }


@pytest.mark.parametrize("model_id", [*NOVAS, *ARNS])
def test_both_operations_give_the_same_answer(client, model_id):
    whole = client.converse(modelId=model_id, messages=HELLO)
    assert whole["output"]["message"]["role"] == "assistant"
    assert whole["stopReason"] == "end_turn"
    [block] = whole["output"]["message"]["content"]
    usage = whole["usage"]
    assert usage["totalTokens"] == usage["inputTokens"] + usage["outputTokens"] > 0
    events = list(client.converse_stream(modelId=model_id, messages=HELLO)["stream"])
    assert events[0] == {"messageStart": {"role": "assistant"}}
    assert [next(iter(event)) for event in events[-2:]] == ["messageStop", "metadata"]
    assert events[-2]["messageStop"]["stopReason"] == "end_turn"
    assert text_of(events) == block["text"]
    assert events[-1]["metadata"]["usage"] == usage


def test_the_guardrail(client):
    whole = client.converse(modelId=PROFILE, messages=FORBIDDEN, guardrailConfig=GUARDRAIL)
    assert whole["stopReason"] == "guardrail_intervened"
    assert "forbidden-word" in json.dumps(whole["trace"]["guardrail"])
    events = list(client.converse_stream(modelId=PROFILE, messages=FORBIDDEN, guardrailConfig=GUARDRAIL)["stream"])
    assert events[-2]["messageStop"]["stopReason"] == "guardrail_intervened"
    assert "forbidden-word" in json.dumps(events[-1]["metadata"]["trace"]["guardrail"])
    first = {**GUARDRAIL, "guardrailVersion": "1"}
    assert client.converse(modelId=PROFILE, messages=HELLO, guardrailConfig=first)["stopReason"] == "end_turn"
    other = {**GUARDRAIL, "guardrailIdentifier": "zzz999"}
    for call in (client.converse, client.converse_stream):
        refused = refusal(call, modelId=PROFILE, messages=HELLO, guardrailConfig=other)
        assert refused == ("ValidationException", 400)


def test_wrong_keys_are_refused(emulator, exports):
    wrong = connect(emulator, exports["AWS_ACCESS_KEY_ID"], "wrong")
    for call in (wrong.converse, wrong.converse_stream):
        assert refusal(call, modelId=PROFILE, messages=HELLO) == ("InvalidSignatureException", 403)
    unknown = connect(emulator, "AKIAUNKNOWN000000000", exports["AWS_SECRET_ACCESS_KEY"])
    assert refusal(unknown.converse, modelId=PROFILE, messages=HELLO) == ("UnrecognizedClientException", 403)


@pytest.mark.parametrize(
    "change",
    [
        {"modelId": "acme.model-1"},
        {"modelId": "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-lite-v1:0"},
        {"inferenceConfig": {"temperature": 5.0}},
        {"messages": [{"role": "assistant", "content": [{"text": "Hello"}]}]},
        {"messages": [{"role": "user", "content": [{"text": " "}]}]},
    ],
    ids=str,
)
def test_bad_requests_are_refused(client, change):
    for call in (client.converse, client.converse_stream):
        assert refusal(call, **{"modelId": PROFILE, "messages": HELLO, **change}) == ("ValidationException", 400)


def test_the_api_key(emulator):
    # boto3 sends no API key over plain HTTP, so this is done by hand.
    def converse(key):
        headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        body = json.dumps({"messages": HELLO}).encode()
        request = urllib.request.Request(f"{emulator.url}/model/{PROFILE.replace(':', '%3A')}/converse", body, headers)
        with urllib.request.urlopen(request, timeout=DEADLINE) as reply:
            return json.load(reply)

    assert converse("emulator-bearer-key")["stopReason"] == "end_turn"
    with pytest.raises(urllib.error.HTTPError) as caught:
        converse("wrong")
    assert caught.value.code == 403
    caught.value.close()


def aws(exports, *args, **changes):
    command = [str(Path(sys.executable).parent / "aws"), "bedrock-runtime", *args, "--output", "json"]
    env = {**os.environ, **exports, **changes}
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=2 * DEADLINE)


@pytest.mark.parametrize("model_id", [PROFILE, ARNS[0]])
def test_the_command_line_with_what_was_printed(client, exports, model_id):
    done = aws(exports, "converse", "--model-id", model_id, "--messages", json.dumps(HELLO))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["output"] == client.converse(modelId=model_id, messages=HELLO)["output"]


def test_the_command_line_with_a_wrong_secret(exports):
    request = ["converse", "--model-id", PROFILE, "--messages", json.dumps(HELLO)]
    done = aws(exports, *request, AWS_SECRET_ACCESS_KEY="wrong")
    assert done.returncode != 0
    assert "InvalidSignatureException" in done.stderr
