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
        pytest.param("a\nb\x1b[A\rA\n\x1b[KB", "A\nB", id="a line above"),
        pytest.param("a\nb\x1b[7A\rA\x1b[9B\rB", "A\nB", id="above all"),
        pytest.param("a\n\nb\x1b[2FA\x1b[ENo\n", "A\nNo\nb", id="beginnings of lines"),
        pytest.param("a\nb\x1b[A\x1b", "a\nb", id="half a sequence"),
    ],
)
def test_what_is_for_terminals_alone_is_left_out(text, shown):
    assert plain(text) == shown


NESTED = (
    "begins\n"
    "\router:   0%|  | 0/2"
    "\n\rinner:   0%|  | 0/2\x1b[A\n\rinner:  50%|# | 1/2\x1b[A\n\rinner: 100%|##| 2/2\x1b[A"
    "\n\r                     \r\x1b[A"
    "\router:  50%|# | 1/2"
    "\n\rinner:   0%|  | 0/2\x1b[A\n\rinner: 100%|##| 2/2\x1b[A"
    "\n\r                     \r\x1b[A"
    "\router: 100%|##| 2/2\n"
    "ends\n"
)
"""What tqdm writes for a bar inside another, which it clears."""
BARS = {
    "coloured": ("a\r\n\r 1%\r\x1b[31m 2%\x1b[0m\nb", "a\n 2%\nb"),
    "nested": (NESTED, "begins\nouter: 100%|##| 2/2\nends\n"),
    "above": ("a\nb\nc\x1b[2A\rA\x1b[B\rB\n\n\nd", "A\nB\nc\n\nd"),
}


@pytest.mark.parametrize(("log", "whole"), BARS.values(), ids=BARS)
def test_parts_of_a_log_come_to_what_the_whole_does(log, whole):
    for cut in range(len(log) + 1):
        assert followed(log, [cut, len(log)]) == whole
    assert followed(log, range(len(log) + 1)) == whole


def followed(log, ends):
    """Return what a page shows of a log that is read up to each of ``ends``."""
    known, offset, up = "", 0, 0
    for end in ends:
        part = shown(log[offset:end], up if offset else None)
        known, offset, up = part.after(known), end - len(part.held), part.up
    return known


def test_the_bars_of_a_part_are_those_of_the_moment():
    part = NESTED[: NESTED.index("\n\r      ")]
    assert plain(part) == "begins\nouter:   0%|  | 0/2\ninner: 100%|##| 2/2"


def test_a_long_line_is_read_in_a_moment():
    long = "x" * 1_000_000
    assert plain(f"{long}\r{long}\n{long}") == f"{long}\n{long}"


def test_a_long_log_of_bars_is_read_in_a_moment():
    inside = "".join(f"\n\rinner {number}\x1b[A" for number in range(100_000))
    assert plain(f"\router{inside}\n\n") == "outer\ninner 99999\n"
