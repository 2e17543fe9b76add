"""Pictures as PNG: from the SVG that is written otherwise, by resvg."""

from typing import Final

from resvg_py import svg_to_bytes

from infra.contract.errors import UsageError

_ZOOM: Final = 2  # sharp on screens with two pixels a point, and in documents
_BACKGROUND: Final = "#ffffff"
_FONTS: Final = (
    *("DejaVu Sans", "Liberation Sans", "Noto Sans", "Open Sans", "Ubuntu", "Cantarell"),
    *("Helvetica", "Arial", "Verdana", "FreeSans", "Nimbus Sans"),
)
"""Fonts of Linux distributions and macOS; resvg asks no system which one is its `sans-serif`."""
_SAMPLE: Final = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">{}</svg>'
_TEXT: Final = '<text y="8" font-size="9">M</text>'


def png_of(svg: str) -> bytes:
    """Return the picture as PNG: two pixels to each of the SVG's, on white.

    ``UsageError`` where the machine has no font to write with: text would be left out.
    """
    font = next(filter(_draws, _FONTS), None)
    if font is None:
        raise UsageError(
            "No font was found to write in a PNG with.",
            remedy="Install one, such as `apt-get install fonts-dejavu-core`, or write an SVG.",
        )
    return _drawn(svg, font)


def _draws(font: str) -> bool:
    return _drawn(_SAMPLE.format(_TEXT), font) != _drawn(_SAMPLE.format(""), font)


def _drawn(svg: str, font: str) -> bytes:
    picture = svg_to_bytes(
        svg_string=svg,
        zoom=_ZOOM,
        background=_BACKGROUND,
        font_family=font,
        sans_serif_family=font,
    )
    return bytes(picture)
