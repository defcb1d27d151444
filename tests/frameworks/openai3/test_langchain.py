"""The standard tests of LangChain for chat models, through its own client of OpenAI."""

import pytest
from conftest import DEADLINE
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI
from langchain_tests.integration_tests import ChatModelIntegrationTests, chat_models
from media import PDF, PNG

# Why, at more length, stands in README.md.
LEFT_OUT = {
    "test_audio_inputs": "Converse takes no audio",
    "test_stream_time": "measures the client alone, against a recording",
}

NO_CHOICE = "Converse takes no toolChoice for Llama, so that a schema can only be asked for in words"


class Downloads:
    """The suite's pictures and documents lie on the internet; ours are made here."""

    @staticmethod
    def get(url, **_):
        content = {"png": PNG, "pdf": PDF}[url.rsplit(".", 1)[1]]
        return type("Response", (), {"content": content})


@pytest.fixture(autouse=True)
def downloads(monkeypatch):
    monkeypatch.setattr(chat_models, "httpx", Downloads)


class Suite(ChatModelIntegrationTests):
    name = None
    method = "json_schema"

    @pytest.fixture(autouse=True)
    def served(self, url):
        type(self).url = url

    @property
    def chat_model_class(self):
        return ChatOpenAI

    @property
    def chat_model_params(self):
        return {
            "base_url": self.url,
            "api_key": "any",
            "model": self.name,
            # With a base_url LangChain asks for usage in streams only where it is told to.
            "stream_usage": True,
            # Retries would hide an answer that fails at first.
            "max_retries": 0,
            "timeout": DEADLINE,
            # What the suite's unit tests set for every model.
            "temperature": 0,
            "max_tokens": 200,
            "stop": [],
        }

    @property
    def structured_output_kwargs(self):
        return {"method": self.method}

    @property
    def supports_json_mode(self):
        return True

    @property
    def supports_image_inputs(self):
        return True

    @property
    def supports_image_tool_message(self):
        return True

    @property
    def supports_pdf_inputs(self):
        return True

    @property
    def supports_pdf_tool_message(self):
        return True

    @property
    def supports_anthropic_inputs(self):
        return True

    @property
    def model_override_value(self):
        return "claude" if self.name != "claude" else "nova"


class TestNova(Suite):
    name = "nova"


class TestNovaFunctionCalling(Suite):
    name = "nova"
    method = "function_calling"


class TestClaude(Suite):
    name = "claude"

    @property
    def supported_usage_metadata_details(self):
        details = ["cache_read_input", "cache_creation_input"]
        return {"invoke": details, "stream": details}

    def invoke_with_cache_creation_input(self, *, stream=False):
        # Never asked before, so nothing can be read.
        text = f"Streamed: {stream}. " + "Every word of this is new. " * 1000
        part = {"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}
        model = ChatOpenAI(**self.chat_model_params)
        messages = [SystemMessage([part]), HumanMessage("Hello")]
        if not stream:
            return model.invoke(messages)
        message = None
        for chunk in model.stream(messages):
            message = chunk if message is None else message + chunk
        return message

    def invoke_with_cache_read_input(self, *, stream=False):
        # Longer than the least that Claude caches, and asked twice.
        text = "Every word of this is worth keeping. " * 1000
        part = {"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}
        model = ChatOpenAI(**self.chat_model_params)
        messages = [SystemMessage([part]), HumanMessage("Hello")]
        model.invoke(messages)
        if not stream:
            message = model.invoke(messages)
        else:
            message = None
            for chunk in model.stream(messages):
                message = chunk if message is None else message + chunk
        assert message.usage_metadata["input_token_details"]["cache_read"] > 1000
        return message


class TestClaudeFunctionCalling(Suite):
    name = "claude"
    method = "function_calling"


class TestLlama(Suite):
    name = "llama"

    LEFT_OUT = {
        "test_tool_choice": NO_CHOICE,
        "test_structured_output": NO_CHOICE,
        "test_structured_output_async": NO_CHOICE,
        "test_structured_output_pydantic_2_v1": NO_CHOICE,
        "test_structured_output_optional_param": NO_CHOICE,
        "test_json_mode": NO_CHOICE,
    }

    @property
    def has_tool_choice(self):
        return False

    @property
    def has_structured_output(self):
        return False

    @property
    def supports_json_mode(self):
        return False
