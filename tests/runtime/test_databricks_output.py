"""Output that a service shows as a whole: what of it is new."""

import pytest

from runtime.targets.databricks_following import unseen


@pytest.mark.parametrize(
    ("kept", "now", "new"),
    [
        (b"", b"", b""),
        (b"", b"a\nb", b"a\n"),
        (b"a\n", b"a\nb\n", b"b\n"),
        (b"a\n", b"a\n", b""),
        (b"warned\n", b"out\nwarned\n", b"out\n"),
        (b"warned\n", b"warned\nwarned\n", b"warned\n"),
        (b"1\n2\n3\n", b"2\n3\n4\n", b"4\n"),
        (b"1\nwarned\n", b"1\n2\nwarned\nagain\n", b"2\nagain\n"),
    ],
)
def test_lines_are_new_wherever_they_stand(kept, now, new):
    assert unseen(kept, now, ended=False) == new


def test_a_last_line_without_an_end_comes_at_the_end():
    assert unseen(b"a\n", b"a\nb", ended=True) == b"b"


def test_the_rest_of_long_output_follows_what_is_kept():
    lines = b"".join(b"%06d\n" % number for number in range(2000))
    assert unseen(lines[:9000], lines[4000:], ended=True) == lines[9000:]
