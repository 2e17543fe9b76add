"""The schema editors use: current, true to the reader, and where the stack files look for it."""

import re
from pathlib import Path

import pytest

from infra.spec.document import parse_document
from infra.spec.new_stack import SCHEMA_FILE
from infra.spec.schema import schema_text, stack_schema
from tests.spec.json_schema import fits

ROOT = Path(__file__).parents[2]
STACKS = sorted((ROOT / "stacks").glob("Pulumi.*.yaml"))
PAGE = (ROOT / "docs" / "stack-files.md").read_text(encoding="utf-8")
EXAMPLES = [
    *re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL),
    *(file.read_text(encoding="utf-8") for file in STACKS),
    (ROOT / "tests/deploy/every_kind.yaml").read_text(encoding="utf-8"),
]
REFUSED = (
    "bad_names",
    "limits",
    "missing_kind",
    "unknown_key",
    "unknown_config_key",
    "unknown_top_level_key",
    "wrong_types",
    "credentials_in_clear",
    "instances",
    "roles",
    "tags",
)
SCHEMA = stack_schema()


def document(text):
    parsed = parse_document(text)
    return {"config": dict(parsed.config)}


def test_the_shipped_file_is_current():
    shipped = (ROOT / "stacks" / SCHEMA_FILE).read_text(encoding="utf-8")
    assert shipped == schema_text(), f"run `aml schema -o stacks/{SCHEMA_FILE}`"


@pytest.mark.parametrize("file", STACKS, ids=lambda file: file.stem)
def test_stack_files_name_it_in_their_first_line(file):
    first = file.read_text(encoding="utf-8").partition("\n")[0]
    assert first == f"# yaml-language-server: $schema={SCHEMA_FILE}"


@pytest.mark.parametrize("text", EXAMPLES)
def test_the_schema_accepts_what_the_reader_accepts(text):
    assert fits(SCHEMA, document(text), SCHEMA)


@pytest.mark.parametrize("name", REFUSED)
def test_the_schema_rejects_what_the_reader_rejects(name):
    text = (ROOT / "tests/spec/bad" / f"{name}.yaml").read_text(encoding="utf-8")
    parsed = parse_document(text)
    top = dict.fromkeys(re.findall(r"^(\w+):", text, re.MULTILINE))
    assert not fits(SCHEMA, {**top, "config": dict(parsed.config)}, SCHEMA)


def test_fields_have_descriptions():
    fields = SCHEMA["definitions"]["AmlComputeSpec"]["properties"]
    assert fields["min_nodes"]["description"].startswith("Minimum number of nodes")
    inherited = SCHEMA["definitions"]["VirtualMachineSpec"]["properties"]
    assert inherited["passphrase"]["description"].startswith("Passphrase of the private key")
