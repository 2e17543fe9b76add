"""Which lines of a failed script its error shows."""

import pytest

from runtime.agent.last_words import last_written, telling_lines
from runtime.agent.supervise import Tail

HEADER = "Traceback (most recent call last):"


def frame(file, line=1):
    return [f'  File "{file}", line {line}, in f', f"    call_{line}()"]


def traceback(*files):
    frames = [line for number, file in enumerate(files) for line in frame(file, number)]
    return [HEADER, *frames, "ValueError: no such column"]


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("epoch 1  ", "epoch 1"),
        ("  File", "  File"),
        ("\r  0%|   |\r 50%|#  |\r100%|###|", "100%|###|"),
        ("10%\r20%\r", "20%"),
        ("ends as on Windows\r", "ends as on Windows"),
        ("\x1b[32mdone\x1b[0m", "done"),
        ("\router 1\x1b[A\rinner 9", "inner 9"),
    ],
)
def test_of_a_line_that_was_written_over_the_last_state_is_left(line, left):
    assert last_written(line) == left


def test_a_progress_bar_is_one_of_the_last_lines():
    tail = Tail()
    for done in range(1000):
        tail.add(f"\r{done / 10:5.1f}%".encode())
    tail.add(b"\nValueError: no such column\n")
    assert tail.lines() == (" 99.9%", "ValueError: no such column")


def test_without_a_traceback_they_are_the_last():
    lines = [str(number) for number in range(50)]
    assert telling_lines(lines, 20) == tuple(lines[-20:])


def test_a_short_traceback_has_what_was_printed_before_it():
    lines = ["epoch 1", "epoch 2", *traceback("/source/train.py")]
    assert telling_lines(lines, 20) == tuple(lines)


def test_of_a_long_traceback_the_scripts_own_frames_and_the_one_that_raised_are_shown():
    installed = ["/venv/lib/python3.11/site-packages/keras/layer.py"] * 40
    lines = [*["noise"] * 30, *traceback("/source/train.py", "/source/model.py", *installed)]
    assert telling_lines(lines, 20) == (
        HEADER,
        *frame("/source/train.py", 0),
        *frame("/source/model.py", 1),
        "  … 39 more",
        *frame(installed[0], 41),
        "ValueError: no such column",
    )


def test_the_innermost_frames_come_first_where_there_is_no_room_for_all():
    said = telling_lines(traceback(*[f"/source/{number}.py" for number in range(40)]), 20)
    assert len(said) <= 20
    assert said[0] == HEADER
    assert said[1].endswith(" more")
    assert said[-3:-1] == tuple(frame("/source/39.py", 39))


def test_what_follows_a_traceback_does_not_push_it_away():
    after = [f"closing {number}" for number in range(60)]
    said = telling_lines([*traceback("/source/train.py"), *after], 20)
    assert len(said) == 20
    assert said[:4] == tuple(traceback("/source/train.py"))
    assert "…" in said
    assert said[-1] == "closing 59"


def test_a_launchers_prefix_is_part_of_the_traceback():
    lines = [f"[rank0]: {line}" for line in traceback("/source/train.py")]
    said = telling_lines([*lines, *["bye"] * 60], 20)
    assert said[0] == f"[rank0]: {HEADER}"
    assert said[3] == "ValueError: no such column"


def test_what_only_looks_like_a_traceback_is_left_as_it_is():
    lines = [HEADER, *[str(number) for number in range(50)]]
    assert telling_lines(lines, 20) == tuple(lines[-20:])
    assert telling_lines([HEADER], 20) == (HEADER,)
