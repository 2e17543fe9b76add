"""Every dialect of run configurations is read whole, and every mistake is said with its line."""

import json

import pytest

from tests.definitions.wild_cases import EXPECTED, FOLDER, PROJECTS, reading


@pytest.mark.parametrize("project", PROJECTS, ids=lambda project: project.name)
def test_a_run_configuration_says_what_is_written_beside_it(project):
    expected = json.loads((project / EXPECTED).read_text(encoding="utf-8"))
    assert reading(project, expected["configuration"]) == expected


def test_every_case_has_what_it_says_beside_it():
    assert {each.name for each in FOLDER.iterdir()} == {each.name for each in PROJECTS}
