"""Serves one manifest to every framework, and lets nothing leave the machine."""

import importlib.util
import os
import socket
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
CLIENTS = HERE.parent / "clients"

# The checks with SDKs know how to start the binary; they find `fake_bedrock` by its name.
sys.path.append(str(CLIENTS))
_spec = importlib.util.spec_from_file_location("clients_conftest", CLIENTS / "conftest.py")
clients = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(clients)

DEADLINE = clients.DEADLINE
serve = clients.serve

POD = clients.pod(
    clients.model("nova", "us.amazon.nova-lite-v1:0"),
    clients.model("claude", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
    clients.model("llama", "us.meta.llama4-maverick-17b-instruct-v1:0"),
)
MODELS = ["nova", "claude", "llama"]
# Llama cannot be made to call a tool, and has no other form of structured output.
FORCED = ["nova", "claude"]

# Frameworks read these too.
FOREIGN = ("LANGCHAIN_", "LANGSMITH_", "LOGFIRE_", "OTEL_", "PYDANTIC_AI_", "INSTRUCTOR_", "LLAMA_")


def pytest_configure():
    clients.pytest_configure()
    for name in list(os.environ):
        if name.startswith(FOREIGN):
            del os.environ[name]
    # The Agents SDK would send its traces to OpenAI.
    os.environ["OPENAI_AGENTS_DISABLE_TRACING"] = "1"
    look_up = socket.getaddrinfo

    def look_up_here(host, *args, **kwargs):
        if host not in ("127.0.0.1", "::1", "localhost", None):
            raise OSError(f"{host} is not this machine")
        return look_up(host, *args, **kwargs)

    socket.getaddrinfo = look_up_here


def pytest_unconfigure():
    clients.pytest_unconfigure()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A check that is left out without being listed has failed."""
    report = yield
    listed = {**getattr(item.module, "LEFT_OUT", {}), **getattr(item.cls, "LEFT_OUT", {})}
    if report.skipped and item.originalname not in listed:
        report.outcome = "failed"
        report.longrepr = f"left out, but not in LEFT_OUT: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def url(serve):
    return serve(POD, "--emulator").url + "/v1"
