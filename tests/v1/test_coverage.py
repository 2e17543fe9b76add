"""How much of what people use is there, by the lists that finish a share of their files."""

import re
from collections import defaultdict
from pathlib import Path

from runtime.v1.names import names
from tests.conftest import MEASURED
from tests.v1.used_names import used

PAGE = (Path(__file__).parents[2] / "docs" / "v1.md").read_text(encoding="utf-8")
ROWS = re.compile(r"^\| (submitting|inside a run) \| (\d+) % \| (\d+) of (\d+) \|", re.MULTILINE)
WORDS = {"submit": "submitting", "run": "inside a run"}


def shares():
    """Return, for each list, the names that are there, all names, and the same by repositories."""
    counts = defaultdict(lambda: [0, 0, 0, 0])
    for each in used():
        row = counts[each.side, each.share]
        row[0] += each.covered
        row[1] += 1
        row[2] += each.repositories * each.covered
        row[3] += each.repositories
    return dict(counts)


def test_what_people_use_is_there():
    assert [str(name) for name in used() if not name.covered] == []


def test_no_name_is_lost_from_the_lists():
    assert {key: row[1] for key, row in shares().items()} == {
        ("submit", 30): 51, ("submit", 50): 65, ("submit", 80): 103,
        ("run", 50): 14, ("run", 80): 34, ("run", 95): 51,
    }  # fmt: skip


def test_the_page_claims_no_more_than_there_is(record_property):
    claimed = {
        (side, int(share)): (int(has), int(of)) for side, share, has, of in ROWS.findall(PAGE)
    }
    there = {(WORDS[side], share): row for (side, share), row in shares().items()}
    assert claimed.keys() == there.keys()
    for key, (has, of) in claimed.items():
        record_property(f"{MEASURED}azureml, {key[0]}, {key[1]} %", f"{there[key][0]} of {of}")
        assert (has <= there[key][0], of) == (True, there[key][1]), key


def test_every_other_name_is_refused_late(record_property):
    """`test_import_line` imports each and uses some; here they are counted."""
    every = [each for module in names().modules.values() for each in module.values()]
    refused = [each for each in every if not each.offered]
    assert all(each.instead for each in refused)
    record_property(f"{MEASURED}azureml, names that import", len(every))
    record_property(f"{MEASURED}azureml, of these refused when used", len(refused))
