"""Every `aml …` in the pages is a command with these options, and every `#section` is one."""

import re
import shlex
from pathlib import Path

import click
import pytest

from runtime.cli.root import aml

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
TYPED = re.compile(r"`(aml [^`]+)`|^ *(aml [^#\n]+?) *(?:#.*|  .*)?$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)#\s]*)#([^)\s]+)\)")


def typed(page):
    """Return the command lines of a page; ``a | b`` and ``…`` abbreviate and are left out."""
    found = ["".join(pair) for pair in TYPED.findall(page.read_text(encoding="utf-8"))]
    return [re.split(r" [|]|…|[,;]", line.replace("\n", " "))[0].strip() for line in found]


def problem(line):
    """Return what is wrong with a line, or nothing."""
    command, words = aml, shlex.split(line)[1:]
    with click.Context(aml) as context:
        while words and isinstance(command, click.Group):
            below = command.get_command(context, words[0])
            if below is None:
                optional = command.invoke_without_command or words[0].startswith(("-", "RUN"))
                return "" if optional or words[0].isupper() else f"no command {words[0]!r}"
            _, command, words = command.resolve_command(context, words)
        options = {name for each in command.params for name in [*each.opts, *each.secondary_opts]}
    script = next((at for at, word in enumerate(words) if word.endswith((".py", ".ipynb"))), None)
    given = {word.split("=")[0] for word in words[:script] if re.match(r"--?[a-z]", word)}
    return " ".join(sorted(given - options - {"-h", "--help"}))


def anchors(page):
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_their_options_exist(page):
    wrong = {line: problem(line) for line in typed(page)}
    assert {line: why for line, why in wrong.items() if why} == {}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_sections_lead_to_one(page):
    links = LINK.findall(page.read_text(encoding="utf-8"))
    missing = [
        f"{target}#{anchor}"
        for target, anchor in links
        if "://" not in target and anchor not in anchors((page.parent / target) if target else page)
    ]
    assert missing == []


def test_the_page_about_migration_names_many_commands():
    assert len(typed(ROOT / "docs/migration.md")) >= 20
