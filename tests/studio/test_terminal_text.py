import pytest

from runtime.studio.terminal_text import plain, shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("\x1b[1;31mred\x1b[0m", "red", id="colour"),
        pytest.param("a\x1b[2K\x1b[1Gb", "ab", id="line"),
        pytest.param("\x1b]8;;http://x\x1b\\link\x1b]8;;\x07", "link", id="link"),
        pytest.param("\x1b[?25l\x1b[38;2;1;2;3mx", "x", id="private"),
        pytest.param("[31m is text", "[31m is text", id="no escape"),
        pytest.param("a\r\nb\r\r\nc", "a\nb\nc", id="line ends of Windows"),
        pytest.param("x\n\r 10%\r 90%\r100%\ny", "x\n100%\ny", id="progress bar"),
        pytest.param("\r 10%\r      \rdone\n", "done\n", id="bar that was cleared"),
        pytest.param("\r\x1b[K 10%\x1b[0m\r 90%\r", " 90%", id="bar that goes on"),
        pytest.param("é\n\tü", "é\n\tü", id="plain"),
    ],
)
def test_what_is_for_terminals_alone_is_left_out(text, shown):
    assert plain(text) == shown


@pytest.mark.parametrize("cut", range(1, 24))
def test_parts_of_a_log_come_to_what_the_whole_does(cut):
    log = "a\r\n\r 1%\r\x1b[31m 2%\x1b[0m\nb"
    page, follows = shown(log[:cut]), log[cut:]
    rest = shown(page.held + follows)
    kept = page.text[: page.text.rfind("\n") + 1] if rest.replaces else page.text
    assert kept + rest.text == "a\n 2%\nb"


def test_a_long_line_is_read_in_a_moment():
    long = "x" * 1_000_000
    assert plain(f"{long}\r{long}\n{long}") == f"{long}\n{long}"
