"""What all templates of the studio keep to."""

import re
from pathlib import Path

import pytest

from runtime.studio import site

TEMPLATES = sorted((Path(site.__file__).parent / "templates").glob("*.html"))
_MACRO = re.compile(r"{% macro (\w+)\(")
_IMPORTS = re.compile(r"{% from \"[\w.]+\" import ([\w, ]+?) %}")
_CALLED = re.compile(r"(?:{{|{% call) ?(\w+)\(")
MACROS = {name for each in TEMPLATES for name in _MACRO.findall(each.read_text(encoding="utf-8"))}
_SECTION = re.compile(r'<section aria-labelledby="([\w-]+)"')
_REGION = re.compile(r'role="region" aria-label="([^"{]+)"')


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_a_template_imports_the_macros_that_it_calls(template):
    text = template.read_text(encoding="utf-8")
    given = {name for names in _IMPORTS.findall(text) for name in re.split(r",\s*", names)}
    given |= set(_MACRO.findall(text))
    assert {name for name in _CALLED.findall(text) if name in MACROS} <= given


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_what_may_scroll_is_reached_with_the_keyboard(template):
    for opening in re.findall(r"<pre\b[^>]*>", template.read_text(encoding="utf-8")):
        assert 'tabindex="0"' in opening


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_no_two_regions_of_a_page_have_one_name(template):
    text = template.read_text(encoding="utf-8")
    headings = dict(re.findall(r'<h\d id="([\w-]+)">([^<]*)</h\d>', text))
    names = [headings[each] for each in _SECTION.findall(text) if each in headings]
    names += _REGION.findall(text)
    assert sorted(names) == sorted(set(names))
