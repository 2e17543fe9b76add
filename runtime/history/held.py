"""The runs that were submitted, or may have held their nodes, in a period."""

from collections.abc import Iterator
from typing import Final

from runtime.history.schema import UNFINISHED, read_record
from runtime.history.store import History
from runtime.model.runs import RunRecord

_PAGE: Final = 500
# A run of before the period counts if it ended in it, or has not ended.
_IN_PERIOD: Final = """
select record from run
where created < :until and (:experiment = '' or experiment = :experiment) and (
    created >= :since or {unfinished}
    or (json_valid(record) and json_extract(record, '$.ended') > :since)
)
and (created < :last or (created = :last and run_id > :id))
order by created desc, run_id limit :page
"""


def runs_between(
    history: History, since: float, until: float, experiment: str = ""
) -> Iterator[RunRecord]:
    """Yield the runs of a period, newest first, read as they are asked for."""
    statement = _IN_PERIOD.format(unfinished=UNFINISHED)
    given = {"since": since, "until": until, "experiment": experiment, "page": _PAGE}
    last = {"last": until, "id": ""}
    while True:
        with history.opened() as database:
            rows = database.execute(statement, {**given, **last}).fetchall()
        records = [read_record(row[0]) for row in rows]
        yield from records
        if len(records) < _PAGE:
            return
        last = {"last": records[-1].created, "id": records[-1].run_id}
