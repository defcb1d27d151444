"""Pydantic AI: its agents over chat completions."""

import pytest
from conftest import FORCED, MODELS
from media import PDF, PNG
from pydantic import BaseModel
from pydantic_ai import Agent, BinaryContent, ModelRetry, NativeOutput, PromptedOutput, ToolOutput
from pydantic_ai.messages import ThinkingPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

WEATHER = "What is the weather in Paris and London?"


class Person(BaseModel):
    name: str
    age: int


@pytest.fixture(params=MODELS)
def model(request, url):
    return OpenAIChatModel(request.param, provider=OpenAIProvider(base_url=url, api_key="any"))


@pytest.fixture
def forecaster(model):
    agent = Agent(model, instructions="You tell the weather.")

    @agent.tool_plain
    def get_weather(city: str) -> str:
        """The weather in a city."""
        return f"sunny in {city}"

    return agent


def parts(messages, kind):
    return [part for message in messages for part in message.parts if isinstance(part, kind)]


async def test_text(model):
    result = await Agent(model, instructions="Be brief.").run("say hello there")
    assert result.output == "hello there"
    assert result.usage.input_tokens > 0 and result.usage.output_tokens > 0


async def test_a_conversation_goes_on(model):
    agent = Agent(model)
    first = await agent.run("say hello there")
    second = await agent.run("say goodbye", message_history=first.all_messages())
    assert second.output == "goodbye"


async def test_text_is_streamed(model):
    async with Agent(model).run_stream("repeat 50 word") as result:
        pieces = [piece async for piece in result.stream_text(delta=True, debounce_by=None)]
    assert "".join(pieces) == " ".join(["word"] * 50)
    assert len(pieces) > 1
    assert result.usage.output_tokens > 0


def check_weather(result):
    calls = parts(result.all_messages(), ToolCallPart)
    assert [call.args_as_dict() for call in calls] == [{"city": "Paris"}, {"city": "London"}]
    assert len({call.tool_call_id for call in calls}) == 2
    returns = parts(result.all_messages(), ToolReturnPart)
    assert [part.tool_call_id for part in returns] == [call.tool_call_id for call in calls]
    # Both calls came in one answer, and the next one tells both results.
    assert result.usage.requests == 2 and result.usage.tool_calls == 2


async def test_tools_are_called_in_parallel(forecaster):
    result = await forecaster.run(WEATHER)
    check_weather(result)
    assert "sunny in Paris" in result.output and "sunny in London" in result.output


async def test_tools_are_called_in_streams(forecaster):
    # run_stream takes a first text for the whole answer; events see what follows it.
    async with forecaster.run_stream_events(WEATHER) as events:
        seen = [event async for event in events]
    result = seen[-1].result
    check_weather(result)
    assert "sunny in Paris" in result.output and "sunny in London" in result.output
    kinds = [event.event_kind for event in seen]
    assert kinds.count("function_tool_call") == 2 and kinds.count("function_tool_result") == 2
    assert "part_delta" in kinds


async def test_a_tool_that_fails_is_told_to_the_model(model):
    agent = Agent(model)

    @agent.tool_plain
    def get_weather(city: str) -> str:
        """The weather in a city."""
        raise ModelRetry(f"{city} is unknown")

    # The retry is a result of the tool, and the model answers it in words.
    result = await agent.run("What is the weather in Paris?")
    assert "is unknown" in result.output


@pytest.mark.parametrize("model", FORCED, indirect=True)
@pytest.mark.parametrize("output", [ToolOutput, NativeOutput, PromptedOutput])
async def test_output_is_structured(model, output):
    prompt = "Make a person. The keys are `name` and `age`." if output is PromptedOutput else "Ada is 36."
    kind = Loose if output is PromptedOutput else Person
    result = await Agent(model, output_type=output(kind)).run(prompt)
    assert isinstance(result.output, kind)
    if kind is Person:
        assert result.output == Person(name="Ada", age=36)


class Loose(BaseModel):
    """An instruction alone leaves the types to the model, and the emulator knows only texts."""

    name: str
    age: str


@pytest.mark.parametrize("model", FORCED, indirect=True)
async def test_structured_output_after_a_tool(model):
    agent = Agent(model, output_type=Forecast)

    @agent.tool_plain
    def get_weather(city: str) -> str:
        """The weather in a city."""
        return f"sunny in {city}"

    result = await agent.run("What is the weather in Paris?")
    assert result.output == Forecast(city="Paris")
    assert "get_weather" in [call.tool_name for call in parts(result.all_messages(), ToolCallPart)]


class Forecast(BaseModel):
    city: str


@pytest.mark.parametrize("model", FORCED, indirect=True)
@pytest.mark.parametrize("output", [ToolOutput, NativeOutput])
async def test_structured_output_is_streamed(model, output):
    async with Agent(model, output_type=output(Person)).run_stream("Ada is 36.") as result:
        seen = [partial async for partial in result.stream_output(debounce_by=None)]
    assert seen[-1] == Person(name="Ada", age=36)


async def test_pictures_and_documents(url):
    # Llama takes no documents; the standard tests of LangChain ask the others too.
    model = OpenAIChatModel("claude", provider=OpenAIProvider(base_url=url, api_key="any"))
    picture = BinaryContent(PNG, media_type="image/png")
    document = BinaryContent(PDF, media_type="application/pdf")
    result = await Agent(model).run(["What is this?", picture, document])
    assert "png image" in result.output and "pdf document" in result.output


async def test_reasoning_comes_back_and_is_sent_back(url):
    # With `reasoning_effort` as a client of OpenAI says it.
    model = OpenAIChatModel("claude", provider=OpenAIProvider(base_url=url, api_key="any"))
    agent = Agent(model, model_settings={"openai_reasoning_effort": "low"})

    @agent.tool_plain
    def get_weather(city: str) -> str:
        """The weather in a city."""
        return f"sunny in {city}"

    result = await agent.run("What is the weather in Paris?")
    assert "sunny in Paris" in result.output
    assert parts(result.all_messages(), ThinkingPart)
