"""Generates ``docs/arm-types.md`` from the table of ARM types.

``python -m infra.catalogue.types.page`` prints the page; a test compares the two.
"""

import sys
from collections.abc import Iterable, Iterator

from infra.catalogue.types.row import ArmType
from infra.catalogue.types.table import TYPES

_HEAD = """\
# ARM types

The resource types that the embedded provider and the local cloud support. Generated from the table
in `infra/catalogue/types` by `python -m infra.catalogue.types.page`; do not edit. Name rules are
Microsoft's: its page on resource name rules, and the patterns of the published types. Properties
are written as in Pulumi.

The provider creates every type with a PUT, after checking that its id is free, and reads it back.
[Updates](updates.md) lists what happens when a property changes.
"""


def page() -> str:
    """Return the page as Markdown."""
    return "\n".join([_HEAD, *(line for row in TYPES for line in _section(row))])


def _section(row: ArmType) -> Iterator[str]:
    yield from (f"## {row.name}", "", f"`{row.pulumi_type}`, api-version {row.api_version}.", "")
    yield from _facts(row)
    yield ""
    for value in row.variants:
        yield from (f"### {row.name}: {value}", "")
        yield from _facts(row.variant(value))
        yield ""


def _facts(row: ArmType) -> Iterator[str]:
    yield f"- name (`{row.name_input}`): {row.name_rule.description}"
    facts = {
        "required": row.required,
        "secret": row.secret | row.secret_outputs,
    }
    for title, paths in facts.items():
        listed = _listed(paths)
        if listed:
            yield f"- {title}: {listed}"
    action = row.delete_query.get("underlyingResourceAction")
    if action:
        yield f"- removed with: {action}, at api-version {row.api_version}"


def _listed(paths: Iterable[str]) -> str:
    return ", ".join(f"`{path}`" for path in sorted(paths))


if __name__ == "__main__":
    sys.stdout.write(page())
