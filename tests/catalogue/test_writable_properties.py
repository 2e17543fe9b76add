"""Whatever can be written of a workspace or a compute has a stack-file key, or is left as found."""

from pathlib import Path

from infra.catalogue.types.table import type_of_token
from infra.catalogue.updates.rule import covers
from infra.catalogue.updates.table import COMPUTE, WORKSPACE
from infra.deploy.stack.file_entries import IMPLIED, row_for, rows_of_resource

LISTED = [
    tuple(line.split())
    for line in Path(__file__).with_name("writable.txt").read_text(encoding="utf-8").splitlines()
]
KINDS = sorted({kind for kind, _ in LISTED if kind not in ("Workspace", "Compute")} | {"Batch"})
# The program sets these to the only value there is, or the stack's cloud does.
SET_BY_COMPONENTS = {"name", "location"}


def cases():
    for kind, path in LISTED:
        if kind == "Workspace":
            yield WORKSPACE, "", path.removeprefix("properties.").replace(".properties.", ".")
        else:
            for each in KINDS if kind == "Compute" else [kind]:
                yield COMPUTE, each, path


def has_a_key_or_is_left_as_found(token, kind, path):
    row = type_of_token(token).variant(kind)
    rows = rows_of_resource(token, {"properties": {"computeType": kind}})
    left = row.as_found | row.open_ended.keys() | row.read_only
    return (
        path in SET_BY_COMPONENTS | IMPLIED.keys()
        or row_for(rows, path)
        or any(covers(each, path) for each in left)
        # No API returns it, so nothing can be found; an import asks for the credential.
        or any(covers(each, path) for each in row.secret)
    )


def test_each_has_a_key_or_is_left_as_found():
    assert len(LISTED) > len(KINDS)
    assert [case for case in cases() if not has_a_key_or_is_left_as_found(*case)] == []
