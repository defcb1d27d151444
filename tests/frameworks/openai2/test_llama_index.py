"""LlamaIndex, through its client for servers that are like OpenAI."""

import pytest
from conftest import DEADLINE, FORCED, MODELS
from llama_index.core.agent.workflow import AgentStream, FunctionAgent, ToolCallResult
from llama_index.core.llms import ChatMessage, ImageBlock, TextBlock
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai_like import OpenAILike
from media import PNG
from pydantic import BaseModel

WEATHER = "What is the weather in Paris and London?"


class Person(BaseModel):
    """A person."""

    name: str
    age: int


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"sunny in {city}"


def connect(url, name):
    return OpenAILike(
        model=name,
        api_base=url,
        api_key="any",
        is_chat_model=True,
        is_function_calling_model=True,
        context_window=32_000,
        max_retries=0,
        timeout=DEADLINE,
    )


@pytest.fixture(params=MODELS)
def llm(request, url):
    return connect(url, request.param)


@pytest.fixture
def tool():
    return FunctionTool.from_defaults(get_weather)


def test_chat(llm):
    messages = [ChatMessage("Be brief.", role="system"), ChatMessage("say hello there", role="user")]
    reply = llm.chat(messages)
    assert reply.message.content == "hello there"
    assert reply.raw.usage.total_tokens > 0


def test_complete(llm):
    assert llm.complete("say hello there").text == "hello there"


def test_chat_is_streamed(llm):
    chunks = list(llm.stream_chat([ChatMessage("repeat 50 word", role="user")]))
    assert len(chunks) > 1
    assert chunks[-1].message.content == " ".join(["word"] * 50)


async def test_chat_is_streamed_without_waiting(llm):
    stream = await llm.astream_chat([ChatMessage("repeat 50 word", role="user")])
    chunks = [chunk async for chunk in stream]
    assert chunks[-1].message.content == " ".join(["word"] * 50)


def arguments(llm, reply):
    return [call.tool_kwargs for call in llm.get_tool_calls_from_response(reply)]


def test_tools_are_called_in_parallel(llm, tool):
    reply = llm.chat_with_tools([tool], user_msg=WEATHER, allow_parallel_tool_calls=True)
    assert arguments(llm, reply) == [{"city": "Paris"}, {"city": "London"}]


def test_calls_are_streamed(llm, tool):
    chunks = list(llm.stream_chat_with_tools([tool], user_msg=WEATHER, allow_parallel_tool_calls=True))
    assert arguments(llm, chunks[-1]) == [{"city": "Paris"}, {"city": "London"}]


@pytest.mark.parametrize("llm", FORCED, indirect=True)
def test_a_call_is_forced(llm, tool):
    reply = llm.chat_with_tools([tool], user_msg="Hello!", tool_required=True)
    assert len(arguments(llm, reply)) == 1


@pytest.mark.parametrize("streaming", [True, False])
async def test_an_agent_calls_tools(llm, tool, streaming):
    agent = FunctionAgent(tools=[tool], llm=llm, system_prompt="You tell the weather.", streaming=streaming)
    handler = agent.run(WEATHER)
    results, text = [], ""
    async for event in handler.stream_events():
        if isinstance(event, ToolCallResult):
            results.append(event.tool_output.content)
        if isinstance(event, AgentStream):
            text += event.delta
    answer = str(await handler)
    assert sorted(results) == ["sunny in London", "sunny in Paris"]
    assert "sunny in Paris" in answer and "sunny in London" in answer
    if streaming:
        assert text.endswith(answer)


@pytest.mark.parametrize("llm", FORCED, indirect=True)
@pytest.mark.parametrize("streamed", [False, True])
def test_output_is_structured(llm, streamed):
    clerk = llm.as_structured_llm(Person)
    # A stream does not force the call, so the prompt must name what is wanted.
    messages = [ChatMessage("Make a person called Ada who is 36.", role="user")]
    reply = list(clerk.stream_chat(messages))[-1] if streamed else clerk.chat(messages)
    assert reply.raw == Person(name="Ada", age=36)


def test_a_picture(llm):
    blocks = [TextBlock(text="What is this?"), ImageBlock(image=PNG, image_mimetype="image/png")]
    assert "png image" in llm.chat([ChatMessage(role="user", blocks=blocks)]).message.content
