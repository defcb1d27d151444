"""Serves a scripted Bedrock through the binary, and reads the collections that `run` has installed."""

import http.client
import importlib.util
import json
import os
import ssl
import sys
from pathlib import Path

import pytest

CLIENTS = Path(__file__).resolve().parent.parent / "clients"

# The checks with SDKs know how to start the binary; they find `fake_bedrock` by its name.
sys.path.append(str(CLIENTS))
_spec = importlib.util.spec_from_file_location("clients_conftest", CLIENTS / "conftest.py")
clients = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(clients)

DEADLINE = clients.DEADLINE
binary = clients.binary
fake = clients.fake


def pytest_configure():
    clients.pytest_configure()
    if "SPICERACK_CORPORA" not in os.environ:
        pytest.exit("SPICERACK_CORPORA must name the collections; tests/hostile/run sets it", returncode=2)


def pytest_unconfigure():
    clients.pytest_unconfigure()


@pytest.fixture(scope="session")
def corpora():
    """`json`: name and input; `strings`; `documents`: name, text, and whether it is valid YAML."""
    return json.loads(Path(os.environ["SPICERACK_CORPORA"]).read_text(encoding="utf-8"))


class Gateway:
    """A running binary, asked over one connection as long as it stays open."""

    def __init__(self, pod, folder, encrypted=False):
        self.server = clients.Server(
            "--http", "127.0.0.1:0", "--metrics", "127.0.0.1:0", str(clients.write_pod(folder, pod))
        )
        self.port = int(self.server.url.rsplit(":", 1)[1])
        self.metrics_port = self.server.wait_for(self._metrics)
        self.headers = {}
        self.encrypted = encrypted
        self.connection = self.connect()

    def connect(self):
        if not self.encrypted:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        # Its certificate was made for this run.
        context = ssl._create_unverified_context()
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=DEADLINE, context=context)

    def _metrics(self):
        for line in self.server.output["stderr"]:
            if "metrics on http://" in line:
                return int(line.split("metrics on http://127.0.0.1:")[1].split("/")[0])
        return None

    def chat(self, body):
        """The status and the bytes of the answer to a body, which may be any bytes; its head is `headers`."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.connection.request(
            "POST", "/v1/chat/completions", body=data, headers={"content-type": "application/json"}
        )
        response = self.connection.getresponse()
        self.headers = response.headers
        return response.status, response.read()

    def page(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.metrics_port, timeout=DEADLINE)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        return dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))

    def metrics(self):
        """The names and labels of everything that is counted."""
        return set(self.page())

    def metric(self, name):
        return float(self.page()[name])

    def healthy(self):
        connection = self.connect()
        connection.request("GET", "/health")
        status = connection.getresponse().status
        connection.close()
        return status == 200

    def stop(self):
        self.connection.close()
        assert self.healthy()
        self.server.stop()
        log = "\n".join(self.server.output["stderr"])
        assert "panicked" not in log, log


@pytest.fixture(scope="session")
def gateway(fake, tmp_path_factory):
    running = Gateway(clients.fake_pod(fake), tmp_path_factory.mktemp("pod"))
    yield running
    running.stop()


def events(body):
    """The payloads of a stream, each held to one line, and whether it ended well."""
    text = body.decode("utf-8")
    assert text.endswith("\n\n"), text[-200:]
    payloads = []
    for event in text[:-2].split("\n\n"):
        if event.startswith(":"):
            continue
        assert event.startswith("data: ") and "\n" not in event and "\r" not in event, event
        payloads.append(event.removeprefix("data: "))
    done = payloads[-1:] == ["[DONE]"]
    return [json.loads(payload) for payload in payloads if payload != "[DONE]"], done


def problem(body):
    """The error of a refusal, which is JSON in OpenAI's form."""
    error = json.loads(body)["error"]
    assert error["message"] and error["type"], error
    return error


class Differences:
    """Gathers what was not as it should be, so that one run shows everything."""

    def __init__(self):
        self.found = []
        self.cases = 0

    def check(self, right, *what):
        self.cases += 1
        if not right:
            self.found.append(" ".join(repr(item)[:300] for item in what))

    def done(self, least):
        """At least so many checks were made, or the collection did not arrive."""
        if self.found:
            pytest.fail(f"{len(self.found)} of {self.cases}:\n" + "\n".join(self.found[:40]), pytrace=False)
        assert self.cases >= least, self.cases
