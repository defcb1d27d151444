"""The YAML Test Suite: every document as a manifest.

None is one, so each is refused; `yaml_verdicts.txt` says why. Where the reader and the suite differ stands there, and
a change of the reader changes that file: `SPICERACK_BLESS=1 tests/hostile/run` writes it.
"""

import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from conftest import Differences, binary

VERDICTS = Path(__file__).with_name("yaml_verdicts.txt")

HEAD = """\
# What `spicerack check` says of each document of the YAML Test Suite: its number, what the suite says of it, and
# `read` where it is only no manifest, `no YAML` where it cannot be read, or `never`: what no manifest may hold.
"""

# For one that hangs; none takes a tenth of a second.
HANGS = 60

# What a document with any problem of the manifest itself was read for.
SHAPE = re.compile(
    r"a manifest (is a mapping, not|cannot be empty|has no)|is not a key of|^\w+: (expected|`)|models: |`version`|`kind`|`name`"
)


def verdict(document, folder):
    """The exit code, the verdict, and everything that was written."""
    path = folder / (document["name"].replace("/", "-") + ".yaml")
    path.write_bytes(document["text"].encode())
    checked = subprocess.run([binary(), "check", str(path)], cwd=folder, capture_output=True, text=True, timeout=HANGS)
    said = checked.stdout + checked.stderr
    problems = re.findall(rf"^{re.escape(str(path))}:\d+:\d+: error: (.*)$", said, re.MULTILINE)
    unread = [problem for problem in problems if not SHAPE.search(problem)]
    if not unread:
        words = "read" if problems else "nothing was said"
    elif unread[0].startswith("this is not YAML: "):
        words = "no YAML: " + unread[0].removeprefix("this is not YAML: ")
    else:
        words = "never: " + unread[0]
    return checked.returncode, words, said


def test_every_document_is_refused_as_it_was_before(corpora, tmp_path):
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda document: verdict(document, tmp_path), corpora["documents"]))
    differences = Differences()
    lines = []
    for document, (code, words, said) in zip(corpora["documents"], found):
        differences.check(code == 78, document["name"], code, said)
        differences.check(document["valid"] or words != "read", document["name"], "is no YAML, and was read")
        differences.check("panicked" not in said and words != "nothing was said", document["name"], said)
        lines.append(f"{document['name']:8}{'valid' if document['valid'] else 'invalid':9}{words}")
    text = HEAD + "\n".join(lines) + "\n"
    if os.environ.get("SPICERACK_BLESS"):
        VERDICTS.write_text(text, encoding="utf-8")
    stored = VERDICTS.read_text(encoding="utf-8").splitlines()
    for was, now in zip(stored, text.splitlines()):
        differences.check(was == now, now, "was", was)
    assert len(stored) == len(text.splitlines())
    differences.done(1600)
