"""Whatever is under a key, reading ends with settings or with an error that has a place."""

import json

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.contract.errors import DefinitionError
from runtime.definitions.keys import Meaning
from runtime.definitions.runconfig import read_document, read_run_configuration
from runtime.definitions.runconfig_keys import RUN_CONFIGURATION
from runtime.definitions.runconfig_writing import write_run_configuration
from runtime.definitions.shapes import Kind
from runtime.definitions.workbench_keys import WORKBENCH
from runtime.model.runs import names_variable

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 10**20),
    st.floats(-1e6, 1e6),
    st.sampled_from(
        ["", "yes", "none", "$name", "a b", "a 'b", "010", "Python", "OpenMpi", "env:X"]
    ),
    st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=5),
)
NAMES = st.sampled_from(["a", "b_c", "path", "name"])
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


def values_of(key):
    """Return what may be under a key: something that fits, or anything."""
    fitting = {
        Kind.SECTION: lambda: document_of(key.keys),
        Kind.SECTIONS: lambda: st.lists(document_of(key.keys), max_size=2),
        Kind.NAMED: lambda: st.dictionaries(NAMES, document_of(key.keys), max_size=2),
    }.get(key.kind, lambda: st.sampled_from(key.choices) if key.choices else SCALARS)
    return st.one_of(fitting(), fitting(), fitting(), ANYTHING)


def document_of(keys):
    return st.deferred(
        lambda: st.fixed_dictionaries({}, optional={k.name: values_of(k) for k in keys})
    )


SLOW = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("project") / ".azureml" / "x.runconfig"
    path.parent.mkdir()
    return path


def error_of(file):
    """Return the error that reading a file ends with, ``None`` if it can be read."""
    try:
        read_run_configuration(file, file.parent.parent)
    except DefinitionError as error:
        return error
    return None


@pytest.mark.parametrize("keys", [RUN_CONFIGURATION, WORKBENCH], ids=["azureml-core", "workbench"])
@pytest.mark.parametrize("dump", [yaml.safe_dump, json.dumps], ids=["yaml", "json"])
def test_nothing_under_a_key_ends_in_a_traceback(file, keys, dump):
    @SLOW
    @given(document_of(keys))
    def read(document):
        file.write_text(dump(document), encoding="utf-8")
        error = error_of(file)
        assert error is None or ((error.at or "\n" in error.detail) and error.remedy)

    read()


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=6) | (
    st.sampled_from(
        ["yes", "# no comment", "a: b", "- a", "'", '"', "line\nline", " x ", "null", "1"]
    )
)
FITTING = {
    Kind.TEXT: TEXT,
    Kind.LINE: TEXT,
    Kind.WHOLE: st.integers(1, 9),
    Kind.NUMBER: st.integers(1, 9),
    Kind.FLAG: st.booleans(),
    Kind.TEXTS: st.lists(TEXT, max_size=3),
    Kind.VARIABLES: st.dictionaries(TEXT.filter(names_variable), TEXT, max_size=3),
}


def fitting(key):
    if key.choices:
        return st.sampled_from(key.choices)
    inner = st.deferred(lambda: fitting_document(key.keys))
    return {
        **FITTING,
        Kind.SECTION: inner,
        Kind.SECTIONS: st.lists(inner, max_size=2),
        Kind.NAMED: st.dictionaries(NAMES, inner, max_size=2),
    }[key.kind]


def fitting_document(keys):
    used = [key for key in keys if key.meaning is not Meaning.REFUSED and key.kind is not Kind.FREE]
    return st.fixed_dictionaries({}, optional={key.name: fitting(key) for key in used})


@pytest.mark.parametrize("start", ["", "# a remark\n"])
def test_a_file_that_is_changed_says_what_it_is_to_say(file, start):
    @SLOW
    @given(fitting_document(RUN_CONFIGURATION), fitting_document(RUN_CONFIGURATION))
    def change(before, after):
        before, after = {"script": "a.py", **before}, {"script": "b.py", **after}
        file.unlink(missing_ok=True)
        write_run_configuration(before, file)
        assert read_document(file, file.parent.parent) == before
        file.write_text(start + file.read_text(encoding="utf-8"), encoding="utf-8")
        write_run_configuration(after, file)
        assert read_document(file, file.parent.parent) == after
        assert file.read_text(encoding="utf-8").startswith(start)

    change()
