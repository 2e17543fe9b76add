"""Pictures as PNG have what their SVG has, text too."""

import struct

import pytest

from infra.contract.errors import UsageError
from runtime.cli.png import png_of
from runtime.cli.render import write_picture
from tests.missing_parts import missing

SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20">{}</svg>'

pytestmark = pytest.mark.needs_fonts


@pytest.fixture(scope="module")
def blank():
    try:
        return png_of(SVG.format(""))
    except UsageError as error:
        missing(f"{error.detail} {error.remedy}")


def test_a_png_has_two_pixels_a_point(blank):
    assert struct.unpack(">II", blank[16:24]) == (80, 40)


@pytest.mark.parametrize("family", ["", ' font-family="sans-serif"'])
def test_text_is_written_in_whatever_sans_serif_font_there_is(blank, family):
    assert png_of(SVG.format(f'<text y="15"{family}>loss</text>')) != blank


def test_the_ending_of_the_file_decides(blank, tmp_path):
    write_picture(tmp_path / "a.PNG", SVG.format(""))
    assert (tmp_path / "a.PNG").read_bytes() == blank
    write_picture(tmp_path / "a.svg", SVG.format(""))
    assert (tmp_path / "a.svg").read_text("utf-8") == SVG.format("")
