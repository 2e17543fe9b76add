"""The page about run configurations has the tables that reading and submitting use."""

from pathlib import Path

import pytest

from runtime.definitions.keys import Meaning
from runtime.definitions.runconfig_keys import RUN_CONFIGURATION
from runtime.definitions.shapes import Kind, walk
from runtime.definitions.workbench_keys import COMPUTE, SPARK_DEPENDENCIES, WORKBENCH
from runtime.submit.configuration_page import MARK, PAGE, tables

ROOT = Path(__file__).parents[2]
TABLES = [RUN_CONFIGURATION, WORKBENCH, COMPUTE, SPARK_DEPENDENCIES]


def test_the_tables_of_the_page_are_up_to_date():
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    assert text.partition(MARK)[2] == f"\n{tables()}"


@pytest.mark.parametrize("table", TABLES)
def test_every_key_says_what_becomes_of_it(table):
    assert [key.name for _, key in walk(table) if not key.text.endswith(".")] == []


@pytest.mark.parametrize("table", TABLES)
def test_a_map_of_known_keys_is_neither_refused_nor_meaningless(table):
    sections = [key for _, key in walk(table) if key.kind in {Kind.SECTION, Kind.NAMED}]
    assert {key.meaning for key in sections} <= {Meaning.HONOURED}
    assert all(key.keys for key in sections)
