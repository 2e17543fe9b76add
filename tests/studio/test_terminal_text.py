import pytest

from runtime.studio.terminal_text import without_sequences


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("\x1b[1;31mred\x1b[0m", "red", id="colour"),
        pytest.param("a\x1b[2K\x1b[1Gb", "ab", id="line"),
        pytest.param("\x1b]8;;http://x\x1b\\link\x1b]8;;\x07", "link", id="link"),
        pytest.param("\x1b[?25l\x1b[38;2;1;2;3mx", "x", id="private"),
        pytest.param("[31m is text", "[31m is text", id="no escape"),
        pytest.param("é\n\tü", "é\n\tü", id="plain"),
    ],
)
def test_what_is_for_terminals_alone_is_left_out(text, shown):
    assert without_sequences(text) == shown
