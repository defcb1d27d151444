"""instructor, which asks for objects by tools, schemas or JSON."""

from typing import Literal

import instructor
import openai
import pytest
from conftest import DEADLINE, FORCED
from pydantic import BaseModel, Field, field_validator

ADA = {"name": "Ada", "age": 36}
PROMPT = [{"role": "user", "content": "Ada is 36."}]
MODES = [instructor.Mode.TOOLS, instructor.Mode.TOOLS_STRICT, instructor.Mode.JSON_SCHEMA]


class Person(BaseModel):
    name: str
    age: int


class Team(BaseModel):
    title: str
    lead: Person
    members: list[Person] = Field(min_length=1)
    colour: Literal["red", "green"]
    note: str | None = None


class Words(BaseModel):
    """With an instruction alone the emulator knows keys, but no types."""

    name: str
    age: str


@pytest.fixture(params=FORCED)
def model(request):
    return request.param


def connect(url, mode, kind=openai.OpenAI):
    client = kind(base_url=url, api_key="any", max_retries=0, timeout=DEADLINE)
    return instructor.from_openai(client, mode=mode)


@pytest.mark.parametrize("mode", MODES)
def test_an_object(url, model, mode):
    client = connect(url, mode)
    person, reply = client.chat.completions.create_with_completion(
        model=model, response_model=Person, messages=PROMPT, max_retries=0
    )
    assert person.model_dump() == ADA
    assert reply.usage.total_tokens > 0


@pytest.mark.parametrize("mode", MODES)
def test_an_object_within_an_object(url, model, mode):
    client = connect(url, mode)
    team = client.chat.completions.create(model=model, response_model=Team, messages=PROMPT, max_retries=0)
    assert team.colour in ("red", "green") and team.members


@pytest.mark.parametrize("mode", MODES)
def test_an_object_that_grows(url, model, mode):
    client = connect(url, mode)
    seen = list(client.chat.completions.create_partial(model=model, response_model=Person, messages=PROMPT))
    # Nova sends the arguments of a call in one piece.
    assert len(seen) > 1 or model == "nova"
    assert seen[-1].model_dump() == ADA


@pytest.mark.parametrize("mode", MODES)
def test_a_list_of_objects(url, model, mode):
    client = connect(url, mode)
    people = list(client.chat.completions.create_iterable(model=model, response_model=Person, messages=PROMPT))
    assert people[0].model_dump() == ADA


def test_json_without_a_schema(url, model):
    client = connect(url, instructor.Mode.JSON)
    prompt = [{"role": "user", "content": "Make a person. The keys are `name` and `age`."}]
    words = client.chat.completions.create(model=model, response_model=Words, messages=prompt, max_retries=0)
    assert words.name and words.age


async def test_an_object_without_waiting(url, model):
    client = connect(url, instructor.Mode.TOOLS, openai.AsyncOpenAI)
    person = await client.chat.completions.create(
        model=model, response_model=Person, messages=PROMPT, max_retries=0
    )
    assert person.model_dump() == ADA


def test_a_wrong_object_is_asked_for_again(url, model):
    refusals = ["Say it again."]

    class Doubted(Person):
        @field_validator("age")
        @classmethod
        def doubt(cls, age):
            if refusals:
                raise ValueError(refusals.pop())
            return age

    client = connect(url, instructor.Mode.TOOLS)
    person = client.chat.completions.create(
        model=model, response_model=Doubted, messages=PROMPT, max_retries=1
    )
    assert person.model_dump() == ADA and not refusals
