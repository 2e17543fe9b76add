"""`aml run logs | cancel` of a run that the service or a script started below another one."""

from runtime.cli.following import (
    follow,
    last_lines,
    print_end,
    raise_unless_completed,
    said_again,
)
from runtime.cli.render import print_json, print_text, say, say_outdated
from runtime.cli.watching import pace_of
from runtime.model.runs import RunRecord
from runtime.submit.parts import cancel_part, part_chunks, part_of, watch_part
from runtime.submit.session import ProjectSession


def show_logs(session: ProjectSession, record: RunRecord, *, follows: bool, as_json: bool) -> None:
    """Print the logs of a part, or say whose log it is in."""
    if follows:
        pace = pace_of(session.target_of(record))
        seen = watch_part(session, record.run_id, pace, say_outdated)
        ended = follow(seen, record.run_id)
        print_end(ended)
        raise_unless_completed(ended, last_lines(ended.outputs))
        return
    texts: dict[str, str] = {}
    for chunk in part_chunks(session, record, {}):
        texts[chunk.name] = texts.get(chunk.name, "") + chunk.text
    if as_json:
        print_json(texts)
        return
    if not texts:
        root = session.history.root_of(record.run_id)
        say(f"Run {record.run_id} has no log of its own; `aml run logs {root}` has all.")
    for name, text in texts.items():
        if not said_again(name, texts):
            print_text(text)


def cancel(session: ProjectSession, record: RunRecord) -> RunRecord:
    """Cancel a part; return it as it is then."""
    cancel_part(session, record)
    record = part_of(session, record.run_id, say_outdated)
    say(f"Requested cancellation of run {record.run_id}; it is {record.state}.")
    return record
