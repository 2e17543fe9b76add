"""The query options of lists: ``$filter`` on texts, ``$select``, ``maxresults`` and its pages."""

import re
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import quote

from infra.contract.json_types import Document, JsonObject
from localcloud.calls.messages import Call, Reply, answer
from localcloud.services.batch.refusals import BatchRefusedError

_COMPARES: Final = re.compile(r"(\w+)\s+(eq|ne)\s+'([^']*)'")
_BEGINS: Final = re.compile(r"startswith\(\s*(\w+)\s*,\s*'([^']*)'\s*\)", re.IGNORECASE)
_MOST: Final = 1000
_SKIP: Final = "$skiptoken"


def listed(call: Call, items: Iterable[Document]) -> Reply:
    """Return a page of a list, filtered and reduced as the call asks."""
    kept = _filtered(call.query.get("$filter", ""), items)
    size, skip = _number(call, "maxresults", _MOST), _number(call, _SKIP, 0)
    page = kept[skip : skip + size]
    document: JsonObject = {"value": [selected(call, item) for item in page]}
    if skip + size < len(kept):
        query = "&".join(
            f"{name}={quote(value, safe='$')}"
            for name, value in call.query.items()
            if name != _SKIP
        )
        document["odata.nextLink"] = (
            f"{call.origin}{call.path}?{query}&{quote(_SKIP, safe='$')}={skip + size}"
        )
    return answer(document)


def selected(call: Call, item: Document) -> JsonObject:
    """Return the properties that ``$select`` names, or all."""
    wanted = [name.strip() for name in call.query.get("$select", "").split(",") if name.strip()]
    return {name: value for name, value in item.items() if not wanted or name in wanted}


def _filtered(text: str, items: Iterable[Document]) -> Sequence[Document]:
    kept = list(items)
    for part in re.split(r"\s+and\s+", text.strip(), flags=re.IGNORECASE) if text.strip() else ():
        compares, begins = _COMPARES.fullmatch(part.strip()), _BEGINS.fullmatch(part.strip())
        if compares:
            name, operator, value = compares.groups()
            kept = [i for i in kept if (str(i.get(name)) == value) == (operator == "eq")]
        elif begins:
            name, start = begins.groups()
            kept = [item for item in kept if str(item.get(name, "")).startswith(start)]
        else:
            raise BatchRefusedError(
                400,
                "InvalidQueryParameterValue",
                f"The local cloud cannot evaluate {part!r} of $filter; it knows `name eq 'text'`, "
                "`name ne 'text'` and `startswith(name,'text')`, joined by `and`.",
            )
    return kept


def _number(call: Call, name: str, default: int) -> int:
    text = call.query.get(name) or str(default)
    if not (text.isascii() and text.isdecimal()):
        raise BatchRefusedError(
            400, "InvalidQueryParameterValue", f"{name} is {text!r}; it must be a number."
        )
    return min(int(text), _MOST) if name != _SKIP else int(text)
