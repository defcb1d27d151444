"""The Big List of Naughty Strings: each wherever a client may write text, and as what a model answers."""

import json

from conftest import Differences, events, problem
from fake_bedrock import Json, Stream, answer, event, last_frames, text_frames


def chat(content="hi", **members):
    return {"model": "nova", "messages": [{"role": "user", "content": content}], **members}


def sent(fake):
    [request] = fake.requests
    return json.loads(request["body"])


def contents(chunks):
    return "".join(
        choice["delta"].get("content") or "" for chunk in chunks for choice in chunk.get("choices", [])
    )


def test_a_string_reaches_bedrock_and_comes_back_as_it_is(gateway, fake, corpora):
    differences = Differences()
    for string in corpora["strings"]:
        # As it is, and with every character beyond ASCII as an escape.
        for data in (json.dumps(chat(string), ensure_ascii=False).encode(), json.dumps(chat(string)).encode()):
            fake.script(answer(string))
            status, reply = gateway.chat(data)
            if not string.strip():
                # Bedrock takes no blank text, so an empty prompt is refused or has something in its place.
                differences.check(status in (200, 400), string, status, reply)
                continue
            differences.check(status == 200, string, status, reply)
            arrived = sent(fake)["messages"][0]["content"]
            differences.check(arrived == [{"text": string}], string, arrived)
            returned = json.loads(reply)["choices"][0]["message"]["content"]
            differences.check(returned == string, string, returned)

        # Character by character, and all of it at once.
        fake.script(Stream([*text_frames(*string, string), *last_frames()]))
        status, reply = gateway.chat(chat(stream=True))
        differences.check(status == 200, string, status, reply)
        chunks, done = events(reply)
        differences.check(done and contents(chunks) == string * 2, string, contents(chunks))
    differences.done(2400)


def test_a_string_as_the_user_changes_nothing(gateway, fake, corpora):
    differences = Differences()
    fake.script(answer())
    gateway.chat(chat())
    plain = sent(fake)
    for string in corpora["strings"]:
        fake.script(answer())
        status, reply = gateway.chat(chat(user=string))
        differences.check(status == 200, string, status, reply)
        differences.check(sent(fake) == plain, string, sent(fake))
    differences.done(900)


def test_a_string_as_a_stop_sequence_arrives_as_it_is(gateway, fake, corpora):
    differences = Differences()
    for string in corpora["strings"]:
        for stop in ([string], [string, "END"]):
            fake.script(answer())
            status, reply = gateway.chat(chat(stop=stop if len(stop) > 1 else string))
            differences.check(status == 200, stop, status, reply)
            # Bedrock takes no white space alone, so that is left out, and told.
            kept = [text for text in stop if text.strip()]
            arrived = sent(fake).get("inferenceConfig", {}).get("stopSequences", [])
            differences.check(arrived == kept, stop, arrived)
            adjusted = gateway.headers.get("x-spicerack-adjusted", "")
            differences.check(("stop" in adjusted) == (kept != stop), stop, adjusted)
    differences.done(2900)


def test_a_string_as_the_name_of_a_tool_comes_back_as_it_is_or_is_refused(gateway, fake, corpora):
    differences = Differences()
    served = 0
    for string in corpora["strings"]:
        tools = [{"type": "function", "function": {"name": string}}]
        fake.script(answer())
        status, reply = gateway.chat(chat(tools=tools))
        if status != 200:
            differences.check(status == 400 and not fake.requests, string, status, reply)
            differences.check(problem(reply)["param"] == "tools[0].function.name", string, reply)
            differences.check(not string or len(string) > 128, string, reply)
            continue
        served += 1
        [tool] = sent(fake)["toolConfig"]["tools"]
        name = tool["toolSpec"]["name"]
        differences.check(name.isascii() and name.replace("_", "a").replace("-", "a").isalnum(), string, name)
        differences.check(len(name) <= 64, string, name)

        use = {"toolUse": {"toolUseId": "t", "name": name, "input": {}}}
        whole = {"output": {"message": {"role": "assistant", "content": [use]}}, "stopReason": "tool_use"}
        fake.script(Json({**whole, "usage": {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5}}))
        status, reply = gateway.chat(chat(tools=tools))
        [call] = json.loads(reply)["choices"][0]["message"]["tool_calls"]
        differences.check(status == 200 and call["function"]["name"] == string, string, status, reply)

        start = {"contentBlockIndex": 0, "start": {"toolUse": {"toolUseId": "t", "name": name}}}
        frames = [event("messageStart", {"role": "assistant"}), event("contentBlockStart", start)]
        fake.script(Stream([*frames, *last_frames("tool_use")]))
        status, reply = gateway.chat(chat(tools=tools, stream=True))
        chunks, done = events(reply)
        names = [
            call["function"]["name"]
            for chunk in chunks
            for choice in chunk.get("choices", [])
            for call in choice["delta"].get("tool_calls", [])
            if "name" in call["function"]
        ]
        differences.check(done and names == [string], string, names)
    assert served > 400
    differences.done(1900)


def test_a_string_as_the_model_is_not_found_and_no_label(gateway, fake, corpora):
    differences = Differences()
    gateway.chat({**chat(), "model": "not-there"})
    before = gateway.metrics()
    fake.script(answer())
    for string in corpora["strings"]:
        status, reply = gateway.chat({**chat(), "model": string})
        differences.check(status == (404 if string else 400), string, status, reply)
        problem(reply)
    assert not fake.requests
    grown = gateway.metrics() - before
    # A status that was not counted before is a line of its own.
    differences.check(all('status="400"' in line and 'model="unknown"' in line for line in grown), grown)
    differences.done(480)
