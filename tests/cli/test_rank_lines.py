"""Of the logs of ranks, whole lines are shown: another log may have them with all ranks'."""

from runtime.cli.following import RankLines

LOG = "user_logs/std_log_process_1.txt"


def test_a_line_of_a_rank_is_shown_when_it_has_ended():
    lines = RankLines()
    assert lines.whole(LOG, "one\ntw") == "one\n"
    assert lines.whole(LOG, "o\n") == "two\n"
    assert lines.whole(LOG, "thr") == ""
    assert lines.rest() == "thr"


def test_other_logs_are_shown_as_they_come():
    assert RankLines().whole("user_logs/std_log.txt", "50 %\r") == "50 %\r"
