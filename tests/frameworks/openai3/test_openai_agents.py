"""The OpenAI Agents SDK, with chat completions instead of the Responses API."""

import json

import pytest
from agents import Agent, ModelSettings, OpenAIChatCompletionsModel, Runner, function_tool
from agents.items import ToolCallItem, ToolCallOutputItem
from conftest import DEADLINE, FORCED, MODELS
from openai import AsyncOpenAI
from pydantic import BaseModel

WEATHER = "What is the weather in Paris and London?"


@function_tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"sunny in {city}"


@pytest.fixture(params=MODELS)
def model(request, url):
    client = AsyncOpenAI(base_url=url, api_key="any", max_retries=0, timeout=DEADLINE)
    return OpenAIChatCompletionsModel(model=request.param, openai_client=client)


@pytest.fixture
def forecaster(model):
    settings = ModelSettings(include_usage=True)
    return Agent("forecaster", instructions="Tell it.", model=model, tools=[get_weather], model_settings=settings)


def check_weather(result):
    calls = [item.raw_item for item in result.new_items if isinstance(item, ToolCallItem)]
    assert [json.loads(call.arguments) for call in calls] == [{"city": "Paris"}, {"city": "London"}]
    outputs = [item for item in result.new_items if isinstance(item, ToolCallOutputItem)]
    assert [item.output for item in outputs] == ["sunny in Paris", "sunny in London"]
    assert "sunny in Paris" in result.final_output and "sunny in London" in result.final_output
    usage = result.context_wrapper.usage
    assert usage.requests == 2 and usage.input_tokens > 0 and usage.output_tokens > 0


async def test_tools_are_called(forecaster):
    check_weather(await Runner.run(forecaster, WEATHER))


async def test_tools_are_called_in_streams(forecaster):
    result = Runner.run_streamed(forecaster, WEATHER)
    events = [event async for event in result.stream_events()]
    check_weather(result)
    raw = [event.data.type for event in events if event.type == "raw_response_event"]
    assert "response.function_call_arguments.delta" in raw and "response.output_text.delta" in raw


@pytest.mark.parametrize("model", FORCED, indirect=True)
@pytest.mark.parametrize("choice", ["required", "get_weather"])
async def test_a_choice_is_kept(model, choice):
    settings = ModelSettings(tool_choice=choice)
    agent = Agent("chooser", model=model, tools=[get_weather], model_settings=settings)
    # The SDK goes back to `auto` after the first call.
    result = await Runner.run(agent, "Hello!")
    assert any(isinstance(item, ToolCallItem) for item in result.new_items)
    assert "sunny in" in result.final_output


async def test_agents_hand_over(model):
    french = Agent("french", model=model, instructions="Speak French.")
    first = Agent("first", model=model, handoffs=[french])
    result = await Runner.run(first, "call transfer_to_french")
    assert result.last_agent is french
    assert result.final_output


class Person(BaseModel):
    name: str
    age: int


@pytest.mark.parametrize("model", FORCED, indirect=True)
@pytest.mark.parametrize("streamed", [False, True])
async def test_output_is_structured(model, streamed):
    agent = Agent("clerk", model=model, output_type=Person)
    if streamed:
        result = Runner.run_streamed(agent, "Ada is 36.")
        async for _ in result.stream_events():
            pass
    else:
        result = await Runner.run(agent, "Ada is 36.")
    assert result.final_output == Person(name="Ada", age=36)
