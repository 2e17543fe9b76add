"""Translates pydantic's errors into sentences about the stack file.

One table maps the kind of error to a sentence: what was found, what is allowed, and what was
probably meant.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from pydantic_core import ErrorDetails

from infra.contract.load import one_of
from infra.contract.meant import names_meant
from infra.spec.credentials import MALFORMED, PLAIN_SECRET, PRIVATE_KEY, OpenedText, Sealed
from infra.spec.other_names import keys_called
from infra.spec.problems import MISSING, NO_KIND, UNKNOWN_KEY, did_you_mean, path_text
from infra.spec.schema_paths import SchemaPath, schema_path
from infra.spec.stack import KEYS

Complaint = ErrorDetails
_CODES: Final[Mapping[str, str]] = {
    "missing": MISSING,
    "union_tag_not_found": NO_KIND,
    "extra_forbidden": UNKNOWN_KEY,
    PLAIN_SECRET: PLAIN_SECRET,
    PRIVATE_KEY: PLAIN_SECRET,
}
_QUOTING: Final = frozenset({"literal_error", "value_error"})
_HIDDEN: Final = "is invalid (the value is in a secret, so it is not shown)."
_REQUIRED: Final[Mapping[str, str]] = {
    "cloud": "local or azure",
    "location": "the Azure region, such as westeurope",
    "workspace": "a map with name and resource_group",
}
_FORMS: Final[Mapping[str, str]] = {
    "vm_size": "an Azure VM size, such as STANDARD_DS3_V2",
    "user": "1-32 lower-case letters, digits, - or _, starting with a letter",
    "address": "a host name or an IPv4 address, without user and port",
    "cron": "five fields: minute, hour, day of month, month, day of week, such as 0 19 * * 1-5",
    "start_time": "a local time, such as 2026-01-31T08:00:00",
    "subnet": "network/subnet as declared under aml:networks, or set subnet_id",
    "address_space": "an IPv4 range, such as 10.1.0.0/16",
    "address_prefix": "an IPv4 range, such as 10.1.0.0/24",
    "service_endpoints": "an Azure service, such as Microsoft.Storage",
    "subnets": "network/subnet as declared under aml:networks",
    "sources": "IPv4 ranges, or one service tag such as AzureMachineLearning",
    "destinations": "IPv4 ranges, or one service tag such as AzureMachineLearning",
    "ports": "ports such as 443, 8000-9000 or *",
    "host": "a host name, such as pypi.org or *.pypi.org",
    "service_tag": "a service tag, such as AzureMachineLearning",
    "key": "the URL of a key and its version, https://VAULT.vault.azure.net/keys/NAME/VERSION",
    # Of outbound and security rules: other names have rules of their own.
    "name": "2-80 letters, digits, - or _, starting with a letter or digit",
    "kubernetes_version": "a version such as 1.31 or 1.31.2",
    "subresource": "what of the resource it leads to, such as blob, vault or registry",
    "namespace": "lower-case letters, digits or hyphens",
    **dict.fromkeys(
        ("object_id", "tenant_id", "client_id", "principal_id"),
        "a GUID, such as 00000000-0000-0000-0000-000000000000",
    ),
}
_FEW: Final = 3
_LONGEST_QUOTE: Final = 60


def place(complaint: Complaint) -> tuple[str | int, ...]:
    """Return the path in the file: the configuration key first, without tags of unions."""
    field, *rest = _steps(complaint).path
    return (KEYS.get(str(field), str(field)), *rest)


def code(complaint: Complaint) -> str:
    """Return the kind of problem."""
    return _CODES.get(complaint["type"], "invalid")


def sentence(complaint: Complaint) -> str:
    """Return what is wrong, as a sentence that completes the path."""
    if complaint["type"] in _QUOTING and isinstance(complaint["input"], OpenedText):
        return _HIDDEN
    say = _SAYINGS.get(complaint["type"])
    return say(complaint) if say else f"{complaint['msg']}."


def _missing(complaint: Complaint) -> str:
    hint = _REQUIRED.get(str(complaint["loc"][-1])) if len(complaint["loc"]) == 1 else None
    return f"is required: {hint}." if hint else "is required."


def explained(complaint: Complaint) -> bool:
    """Return whether another complaint says it all.

    A missing key is there under a misspelt name, or a list is too short without its wrong entries.
    """
    given = complaint["input"]
    if complaint["type"] == "too_short":
        return bool(given)
    if complaint["type"] != "missing" or not isinstance(given, dict):
        return False
    known = _keys_at(complaint)
    wanted = str(complaint["loc"][-1])
    return any(wanted in _keys_meant(str(key), known) for key in given if key not in known)


def _unknown(complaint: Complaint) -> str:
    known = _keys_at(complaint)
    near = _keys_meant(str(complaint["loc"][-1]), known)
    if near:
        return f"is not a known key. Did you mean {one_of(near)}?"
    return f"is not a known key. Known keys: {', '.join(known)}."


def _keys_meant(name: str, known: Sequence[str]) -> list[str]:
    return keys_called(name, known) or names_meant(name, known)


def _choice(complaint: Complaint) -> str:
    allowed = [
        part.strip("'") for part in complaint["ctx"]["expected"].replace(" or ", ", ").split(", ")
    ]
    near = did_you_mean(str(complaint["input"]), allowed, most=1)  # all are listed before it
    return f"{_got(complaint)} is not allowed; use {_or(allowed)}.{near}"


def _tag(complaint: Complaint) -> str:
    given, union = complaint["input"], _steps(complaint)
    tag = given.get(union.discriminator) if isinstance(given, dict) else None
    if isinstance(tag, OpenedText):
        return _HIDDEN
    known = list(union.choices)
    near = did_you_mean(str(tag), known, most=1)
    return f"{tag!r} is not a {union.discriminator}; use {_or(known)}.{near}"


def _no_tag(complaint: Complaint) -> str:
    union = _steps(complaint)
    return f"needs a `{union.discriminator}`: {_or(list(union.choices))}."


def _or(words: Sequence[str]) -> str:
    return (" or " if len(words) <= _FEW else ", ").join(words)


def _needs(what: str) -> Callable[[Complaint], str]:
    return lambda complaint: f"is {_got(complaint)}; use {what}."


def _bound(word: str, key: str) -> Callable[[Complaint], str]:
    return lambda complaint: f"is {complaint['input']}; use {word} {complaint['ctx'][key]}."


def _pattern(complaint: Complaint) -> str:
    keys = [step for step in complaint["loc"] if isinstance(step, str)]
    form = _FORMS.get(keys[-1], "another format")
    return f"{_got(complaint)} is not valid; use {form}."


def _plain_secret(complaint: Complaint) -> str:
    path = path_text(place(complaint))
    return (
        f"{complaint['msg']} Store it with `aml config set --secret --path '{path}'`, "
        "or refer to it as env:NAME, file:PATH or keyvault:URL."
    )


def _got(complaint: Complaint) -> str:
    """Describe the input in one line; the content of maps and lists is never shown."""
    match complaint["input"]:
        case None:
            return "empty"
        case bool() as value:
            return "true" if value else "false"
        case dict():
            return "a map"
        case list() | tuple():
            return "a list"
        case Sealed() | OpenedText():
            return "an encrypted value"
        case value:
            text = repr(value)
            return text if len(text) <= _LONGEST_QUOTE else f"{text[: _LONGEST_QUOTE - 3]}…"


def _steps(complaint: Complaint) -> SchemaPath:
    located = complaint["loc"]
    # `[key]` at the end: the error is about the key itself.
    return schema_path(located[:-1] if located[-1] == "[key]" else located)


def _keys_at(complaint: Complaint) -> list[str]:
    """Return the keys allowed at the place of the error."""
    return list(schema_path(complaint["loc"][:-1]).keys)


_SAYINGS: Final[Mapping[str, Callable[[Complaint], str]]] = {
    "missing": _missing,
    "extra_forbidden": _unknown,
    "literal_error": _choice,
    "union_tag_invalid": _tag,
    "union_tag_not_found": _no_tag,
    "value_error": lambda complaint: str(complaint["ctx"]["error"]),
    "int_parsing": _needs("a whole number"),
    "int_type": _needs("a whole number"),
    "int_from_float": _needs("a whole number"),
    "bool_parsing": _needs("true or false"),
    "bool_type": _needs("true or false"),
    "string_type": _needs("text"),
    "model_type": _needs("a map of keys"),
    "model_attributes_type": _needs("a map of keys"),
    "dict_type": _needs("a map of keys"),
    "too_short": lambda _: "is empty; add at least one entry.",
    "tuple_type": _needs("a list (entries start with `- `)"),
    "list_type": _needs("a list (entries start with `- `)"),
    "greater_than_equal": _bound("at least", "ge"),
    "less_than_equal": _bound("at most", "le"),
    "string_pattern_mismatch": _pattern,
    PLAIN_SECRET: _plain_secret,
    MALFORMED: lambda complaint: complaint["msg"],
    PRIVATE_KEY: lambda complaint: complaint["msg"],
}
