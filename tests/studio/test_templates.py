"""What all templates of the studio keep to."""

import re
from pathlib import Path

import pytest

from runtime.studio import site

TEMPLATES = sorted((Path(site.__file__).parent / "templates").glob("*.html"))
_SECTION = re.compile(r'<section aria-labelledby="([\w-]+)"')
_REGION = re.compile(r'role="region" aria-label="([^"{]+)"')


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_no_two_regions_of_a_page_have_one_name(template):
    text = template.read_text(encoding="utf-8")
    headings = dict(re.findall(r'<h\d id="([\w-]+)">([^<]*)</h\d>', text))
    names = [headings[each] for each in _SECTION.findall(text) if each in headings]
    names += _REGION.findall(text)
    assert sorted(names) == sorted(set(names))
