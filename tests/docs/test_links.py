"""What the pages point to is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
LINK = re.compile(r"\]\(([^)#\s]+)(#[^)\s]*)?\)")
COMMAND = re.compile(r"(?:python|PYTHONPATH=\S+|source|cd|--source-directory) ([\w./-]+/[\w./-]+)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_lead_somewhere(page):
    links = [target for target, _ in LINK.findall(page.read_text(encoding="utf-8"))]
    relative = [link for link in links if "://" not in link]
    assert [link for link in relative if not (page.parent / link).exists()] == []


def test_the_readme_links_to_every_page():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in PAGES if page.parent != ROOT and page.name not in readme] == []


def test_paths_in_the_readme_exist():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    named = {*COMMAND.findall(readme), *re.findall(r"# (stacks/\S+)", readme)}
    named |= set(re.findall(r'"(examples/[\w/.-]+)"', readme))
    assert len(named) >= 2
    assert [path for path in named if not (ROOT / path).exists()] == []
