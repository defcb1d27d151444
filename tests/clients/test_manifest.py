"""A manifest with every setting of a guarded Nova model, on each id by which Bedrock knows the Nova models."""

import json
import os
import re
import subprocess

import openai
import pytest
from conftest import DEADLINE, binary, write_pod
from fake_bedrock import Stream, answer, last_frames, text_frames

MANIFEST = """\
version: v1
kind: Spicepod
name: demo
models:
  - from: bedrock:us.amazon.nova-lite-v1:0
    name: novash
    params:
      aws_region: us-east-1
      aws_access_key_id: ${ secrets:AWS_ACCESS_KEY_ID }
      aws_secret_access_key: ${ secrets:AWS_SECRET_ACCESS_KEY }
      bedrock_guardrail_identifier: abc123
      bedrock_guardrail_version: DRAFT
      bedrock_trace: enabled
      bedrock_temperature: 0.2
      maxTokens: 512
      topK: 40
      stopSequences: ["END"]
"""

NOVAS = [f"{profile}amazon.nova-{size}-v1:0" for profile in ("", "us.") for size in ("micro", "lite", "pro", "premier")]
ARN = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0"
HELLO = [{"role": "user", "content": "Hello"}]
FORBIDDEN = [{"role": "user", "content": "Tell me about forbidden-word."}]
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAFAKE000000000000", "AWS_SECRET_ACCESS_KEY": "fake-secret-access-key"}


def connect(url):
    return openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0, timeout=DEADLINE)


def check(folder, manifest):
    path = write_pod(folder, manifest)
    command = [binary(), "check", str(path)]
    env = {**os.environ, **KEYS}
    return subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True, timeout=DEADLINE)


def line_of(manifest, text):
    [line] = [number for number, line in enumerate(manifest.splitlines(), 1) if text in line]
    return line


@pytest.mark.parametrize("source", [*NOVAS, ARN])
def test_every_nova_id_is_served(serve, source):
    # No keys in the environment: the emulator brings its own.
    server = serve(MANIFEST.replace("us.amazon.nova-lite-v1:0", source), "--emulator")
    client = connect(server.url)
    assert client.models.retrieve("novash").owned_by == "bedrock"
    whole = client.chat.completions.create(model="novash", messages=HELLO)
    assert whole.choices[0].finish_reason == "stop" and whole.choices[0].message.content
    chunks = list(client.chat.completions.create(model="novash", messages=HELLO, stream=True))
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert text == whole.choices[0].message.content
    blocked = client.chat.completions.create(model="novash", messages=FORBIDDEN)
    assert blocked.choices[0].finish_reason == "content_filter"
    assert blocked.model_extra["bedrock"]["trace"]


def test_every_setting_reaches_bedrock(serve, fake):
    keys = {f"${{ secrets:{name} }}": value for name, value in KEYS.items()}
    manifest = MANIFEST.replace("aws_region: us-east-1", f"aws_region: us-east-1\n      aws_endpoint_url: {fake.url}")
    for reference, value in keys.items():
        manifest = manifest.replace(reference, value)
    client = connect(serve(manifest).url)
    fake.script(answer(), Stream([*text_frames("fine"), *last_frames()]))
    client.chat.completions.create(model="novash", messages=HELLO)
    list(client.chat.completions.create(model="novash", messages=HELLO, stream=True))
    paths = [request["path"].replace(":", "%3A") for request in fake.requests]
    assert paths == [f"/model/us.amazon.nova-lite-v1%3A0/{operation}" for operation in ("converse", "converse-stream")]
    for request in fake.requests:
        assert json.loads(request["body"]) == {
            "messages": [{"role": "user", "content": [{"text": "Hello"}]}],
            "inferenceConfig": {"maxTokens": 512, "temperature": 0.2, "stopSequences": ["END"]},
            "guardrailConfig": {"guardrailIdentifier": "abc123", "guardrailVersion": "DRAFT", "trace": "enabled"},
            "additionalModelRequestFields": {"inferenceConfig": {"topK": 40}},
        }
        headers = {name.lower(): value for name, value in request["headers"].items()}
        assert "/us-east-1/bedrock/aws4_request" in headers["authorization"]


def test_a_good_manifest_is_shown_as_a_table(tmp_path):
    done = check(tmp_path, MANIFEST)
    assert done.returncode == 0, done.stderr
    models, policies = done.stdout.strip().split("\n\n")
    head, row = models.splitlines()
    assert head.split() == ["NAME", "FROM", "REGION", "CREDENTIALS", "GUARDRAIL"]
    assert row.split()[0] == "novash" and "us-east-1" in row and "abc123" in row
    head, row = policies.splitlines()
    assert head.split() == ["NAME", "POLICY"]
    assert row.split()[0] == "novash" and "connect" in row and "attempts 3" in row
    assert KEYS["AWS_SECRET_ACCESS_KEY"] not in done.stdout + done.stderr


def test_all_problems_are_reported_with_their_lines(tmp_path):
    manifest = MANIFEST.replace("bedrock_temperature: 0.2", "bedrock_temperature: 42").replace(
        "bedrock_guardrail_identifier: abc123",
        "bedrock_guardrail_identifier: arn:aws:bedrock:us-east-1:12345:guardrail/abc123",
    )
    done = check(tmp_path, manifest)
    assert done.returncode == 78, done.stderr
    assert done.stdout == ""
    reported = [int(line) for line in re.findall(r"spicepod\.yaml:(\d+):\d+: error: ", done.stderr)]
    expected = [line_of(manifest, text) for text in ("bedrock_guardrail_identifier:", "bedrock_temperature:")]
    assert reported == expected, done.stderr
    assert done.stderr.count("help: ") >= 2
    # A start gives the same verdict.
    command = [binary(), "--emulator", "--http", "127.0.0.1:0", str(tmp_path / "spicepod.yaml")]
    start = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=DEADLINE)
    assert start.returncode == 78
