"""The page on what becomes of changes, made from the table.

``python -m infra.catalogue.updates.page`` writes it to standard output; a test keeps
``docs/updates.md`` equal.
"""

import sys
from collections.abc import Iterator
from typing import Final

from infra.catalogue.updates.rule import Change, UpdateRule
from infra.catalogue.updates.table import KINDS, TABLE

_HEAD: Final = """\
# Updates

What becomes of a changed property: one table (`infra/contract/updates`) for the plan of `aml up`,
for `replace_on_changes` in the components (and so for `pulumi up`), for the local cloud, and for
this page. Written by `python -m infra.catalogue.updates.page`; do not edit it. Properties are in
Pulumi's spelling; a row speaks for everything below it that has no row of its own.

| change | what happens |
| --- | --- |
| in place | a PUT of the whole resource |
| in place, by PATCH | a PATCH of this alone; with other changes, part of the PUT |
| in place, by an action | a request of its own; what a PUT says of it, the service ignores |
| replace | a new resource takes the old one's place; the service (and the local cloud) refuses the change |
| ignored | the service accepts the change with 200, and nothing changes |

An ignored change never replaces by itself. The plan says ``ignored by Azure; `--replace NAME`
replaces it``, and says so again on every `up`, because state keeps what the service has. After every
update the changed values are read back; one that the service did not take over is a warning with
what was wanted and what is there. `pulumi up` plans the same replacements; of ignored changes it
says nothing, and takes them for made.

A replacement of a workspace needs `--replace-workspace NAME` (its runs, models and data assets go
with it). A plan that deletes, replaces or shrinks a compute on which jobs are running names them.

An attachment of the same resource id is taken over where it exists already; another resource id
replaces it, the old one being detached first; new credentials are sent in place.

Where no source says that a property can be changed, it is taken to be fixed. None of this has been
tried on Azure from here; the last column says whose word each row rests on.
"""  # noqa: E501 - a table's line


def page() -> str:
    """Return the page as Markdown."""
    return "\n".join([_HEAD, *(line for token in TABLE for line in _sections(token))])


def _sections(token: str) -> Iterator[str]:
    name = token.removeprefix("azure-native:")
    yield from _section(f"## {name}", TABLE[token])
    for kind, rules in KINDS.get(token, {}).items():
        if rules:
            yield from _section(f"### {name}: {kind}", rules)


def _section(title: str, rules: tuple[UpdateRule, ...]) -> Iterator[str]:
    yield from (title, "", "| property | change | source |", "| --- | --- | --- |")
    for rule in rules:
        yield f"| `{rule.path}` | {_change(rule)} | {rule.source} |"
    yield ""


def _change(rule: UpdateRule) -> str:
    if rule.condition:
        return f"{rule.change} {rule.condition}; else in place"
    return f"{rule.change} (`{rule.action}`)" if rule.change is Change.ACTION else rule.change


if __name__ == "__main__":
    sys.stdout.write(page())
