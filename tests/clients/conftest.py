"""Starts the binary as a user would, with nothing of the machine's own AWS set-up in reach."""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import pytest
from fake_bedrock import FakeBedrock

DEADLINE = 30

HOME = tempfile.mkdtemp(prefix="spicerack-clients-")


def pytest_configure():
    # The clients read these too, so the test process itself must be rid of them.
    for name in list(os.environ):
        if name.startswith(("AWS_", "OPENAI_", "SPICERACK_LOG")) or name.lower().endswith("_proxy"):
            del os.environ[name]
    os.environ["HOME"] = HOME
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    if "SPICERACK_BIN" not in os.environ:
        pytest.exit("SPICERACK_BIN must name the binary; tests/clients/run sets it", returncode=2)


def pytest_unconfigure():
    shutil.rmtree(HOME, ignore_errors=True)


def binary():
    return os.environ["SPICERACK_BIN"]


class Server:
    """A running spicerack. Its output is read all the time, so that it never blocks on a full pipe."""

    def __init__(self, *args, env=None):
        self.output = {"stdout": [], "stderr": []}
        self.changed = threading.Condition()
        self.process = subprocess.Popen(
            [binary(), *args],
            env={**os.environ, **(env or {})},
            cwd=HOME,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.open = 2
        self.readers = []
        for name in self.output:
            reader = threading.Thread(target=self._read, args=(name,))
            reader.start()
            self.readers.append(reader)
        try:
            self.url = self.wait_for(lambda: self._listening())
        except BaseException:
            self.process.kill()
            raise

    def _read(self, name):
        for line in getattr(self.process, name):
            with self.changed:
                self.output[name].append(line.rstrip("\n"))
                self.changed.notify_all()
        with self.changed:
            self.open -= 1
            self.changed.notify_all()

    def wait_for(self, look):
        """Looks at the output again and again as it grows."""
        end = time.monotonic() + DEADLINE
        with self.changed:
            while True:
                if found := look():
                    return found
                left = end - time.monotonic()
                if left <= 0 or self.open == 0:
                    pytest.fail(f"the line that was waited for did not come; output: {self.output}")
                self.changed.wait(left)

    def _listening(self):
        for line in self.output["stderr"]:
            # Not a terminal, so every line of the log is JSON.
            message = json.loads(line).get("message", "") if line.startswith("{") else ""
            if match := re.search(r"listening on (https?://127\.0\.0\.1:\d+)$", message):
                return match[1]
        return None

    def exports(self):
        """The `export NAME=value` lines that the emulator prints for people."""
        pattern = re.compile(r"^\s*export (\w+)=(\S+)$")

        def look():
            lines = self.output["stdout"] + self.output["stderr"]
            found = dict(match.groups() for line in lines if (match := pattern.match(line)))
            return found if "AWS_SECRET_ACCESS_KEY" in found else None

        return self.wait_for(look)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            pytest.fail(f"still running {DEADLINE} s after SIGTERM; output: {self.output}")
        for reader in self.readers:
            reader.join(DEADLINE)
        assert code == 0, f"exit code {code} after SIGTERM; output: {self.output}"


def write_pod(folder, text):
    path = Path(folder) / "spicepod.yaml"
    path.write_text(text)
    return path


@pytest.fixture(scope="session")
def serve(tmp_path_factory):
    """Starts servers for manifests; the same manifest is served once."""
    servers = {}

    def start(pod, *args):
        key = (pod, args)
        if key not in servers:
            path = write_pod(tmp_path_factory.mktemp("pod"), pod)
            servers[key] = Server(*args, "--http", "127.0.0.1:0", str(path))
        return servers[key]

    yield start
    stop_all(servers.values())


@pytest.fixture(scope="session")
def fake():
    upstream = FakeBedrock()
    yield upstream
    upstream.stop()


@pytest.fixture(scope="session")
def emulator():
    server = Server("emulator", "--http", "127.0.0.1:0")
    yield server
    server.stop()


def stop_all(servers):
    """Stops each, also where another did not stop well."""
    failures = []
    for server in servers:
        try:
            server.stop()
        except (AssertionError, pytest.fail.Exception) as failure:
            failures.append(str(failure))
    assert not failures, "\n".join(failures)


def model(name="nova", source="amazon.nova-lite-v1:0", **params):
    """One entry of `models:`."""
    lines = [f"  - from: bedrock:{source}", f"    name: {name}", "    params:", "      aws_region: us-east-1"]
    lines += [f"      {key}: {value}" for key, value in params.items()]
    return "\n".join(lines) + "\n"


def pod(*models, runtime=""):
    return "version: v1\nkind: Spicepod\nname: clients\n" + runtime + "models:\n" + "".join(models)


def fake_pod(fake):
    """A manifest whose model is the scripted upstream, asked once per request."""
    keys = {"aws_access_key_id": "AKIAFAKE000000000000", "aws_secret_access_key": "fake-secret-access-key"}
    return pod(model(aws_endpoint_url=fake.url, max_attempts=1, **keys))
