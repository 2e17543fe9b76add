"""The pictures of the README: they are there, small, and each is one that the script makes."""

import re

from tests.studio.pictures import MOST_BYTES, ROOT

FOLDER = ROOT / "docs" / "pictures"
MADE = {"studio-runs.png", "studio-sweep.png", "studio-compare.png"}


def test_the_readme_shows_the_pictures_that_are_made():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"!\[[^\]]+\]\(docs/pictures/([^)]+)\)", readme)) == MADE
    assert {file.name for file in FOLDER.iterdir()} == MADE


def test_the_pictures_are_small():
    assert {file.name for file in FOLDER.iterdir() if file.stat().st_size > MOST_BYTES} == set()
