"""Rules for tags: a storage account takes shorter names than other resources."""

from collections.abc import Iterator, Mapping

from infra.contract.json_types import Document
from infra.spec.rules.findings import Finding
from infra.spec.tags import LONGEST_ON_STORAGE


def fit_a_storage_account(stack: Document) -> Iterator[Finding]:
    workspace = stack.get("workspace")
    own = workspace if isinstance(workspace, Mapping) else {}
    if own.get("storage_account_id"):
        return
    for at, tags in ((("tags",), stack.get("tags")), (("workspace", "tags"), own.get("tags"))):
        for name in tags if isinstance(tags, Mapping) else ():
            if len(str(name)) > LONGEST_ON_STORAGE:
                message = (
                    f"is too long for the storage account; use at most {LONGEST_ON_STORAGE}"
                    " characters."
                )
                yield (*at, str(name)), message
