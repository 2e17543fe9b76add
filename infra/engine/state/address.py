"""Which backend a URL means, in the words of the Pulumi CLI: a folder or a blob container.

Pure: nothing is opened, and only the variables that are passed in are read.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, urlsplit

from infra.contract.errors import UsageError

BLOB_SCHEME: Final = "azblob"
_ACCOUNT: Final = "AZURE_STORAGE_ACCOUNT"
_CONTAINER: Final = re.compile(r"(\$root|[a-z0-9](?!.*--)[a-z0-9-]{1,61}[a-z0-9])")
_QUERY: Final = ("storage_account", "domain", "protocol", "cdn", "localemu", "prefix")
_OTHERS: Final = ("s3", "gs", "https", "http")
_PROTOCOLS: Final = ("https", "http")
_TRUE: Final = ("true", "1", "t")
_FALSE: Final = ("false", "0", "f", "")
_SWITCHES: Final = ("cdn", "localemu")
_THIS_MACHINE: Final = ("127.0.0.1", "localhost")


@dataclass(frozen=True, slots=True)
class BlobAddress:
    """A container that holds state, as ``azblob://CONTAINER[/FOLDER]?storage_account=ACCOUNT``.

    ``service`` is the blob service's URL; ``prefix`` is empty or ends in a slash; ``url`` is as it
    was written.
    """

    url: str
    account: str
    service: str
    container: str
    prefix: str = ""

    def url_of(self, blob: str) -> str:
        """Return the URL of a blob, as the CLI shows it."""
        return (
            f"{BLOB_SCHEME}://{self.container}/{self.prefix}{blob}?storage_account={self.account}"
        )


def blob_address(where: str, environment: Mapping[str, str]) -> BlobAddress | None:
    """Return the container that a backend URL means, ``None`` if it is a folder.

    The query is that of the CLI: ``storage_account`` (default: ``AZURE_STORAGE_ACCOUNT``),
    ``domain``, ``protocol``, ``localemu`` (the account is part of the path, as in Azurite; so it is
    on this machine), ``cdn`` (the domain is the service's own), and ``prefix``. Schemes that only
    the CLI knows are refused by name.
    """
    scheme, separator, _ = where.partition("://")
    if not separator or scheme == "file":
        return None
    if scheme != BLOB_SCHEME:
        raise _other_backend(where, scheme)
    parts = urlsplit(where)
    query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    unknown = sorted(query.keys() - set(_QUERY))
    if unknown:
        raise UsageError(
            f"{where!r} has unknown parameters: {', '.join(unknown)}.",
            remedy=f"Use only {', '.join(_QUERY)}.",
        )
    _require_values(where, query)
    if not _CONTAINER.fullmatch(parts.netloc):
        raise UsageError(
            f"{where!r} names no container: {parts.netloc!r} cannot be one.",
            remedy="Write azblob://CONTAINER?storage_account=ACCOUNT; containers have 3 to 63"
            " lower-case letters, digits and single hyphens.",
        )
    account = query.get("storage_account") or environment.get(_ACCOUNT, "")
    if not account:
        raise UsageError(
            f"{where!r} names no storage account.",
            remedy=f"Add `?storage_account=ACCOUNT` to it, or set {_ACCOUNT}.",
        )
    folder = "/".join(part.strip("/") for part in (parts.path, query.get("prefix", "")) if part)
    folder = folder.strip("/")
    service = _service(account, query)
    return BlobAddress(where, account, service, parts.netloc, f"{folder}/" if folder else "")


def _require_values(where: str, query: Mapping[str, str]) -> None:
    allowed = {"protocol": _PROTOCOLS, **dict.fromkeys(_SWITCHES, (*_TRUE, *_FALSE))}
    for name, values in allowed.items():
        if query.get(name, values[0]).lower() not in values:
            shown = _PROTOCOLS if name == "protocol" else (_TRUE[0], _FALSE[0])
            raise UsageError(
                f"{where!r} has {name}={query[name]!r}.", remedy=f"Use {' or '.join(shown)}."
            )


def _service(account: str, query: Mapping[str, str]) -> str:
    protocol, domain = query.get("protocol", _PROTOCOLS[0]).lower(), query.get("domain", "")
    if query.get("localemu", "").lower() in _TRUE or domain.startswith(_THIS_MACHINE):
        return f"{protocol}://{domain or '127.0.0.1:10000'}/{account}"
    domain = domain or "blob.core.windows.net"
    is_whole = query.get("cdn", "").lower() in _TRUE
    return f"{protocol}://{domain}" if is_whole else f"{protocol}://{account}.{domain}"


def _other_backend(where: str, scheme: str) -> UsageError:
    known = scheme in _OTHERS
    what = "one of the Pulumi CLI's backends" if known else f"no backend that is known: {scheme!r}"
    return UsageError(
        f"The embedded engine keeps state in a folder or a blob container; {where!r} is {what}.",
        remedy="Use a path, `file://…` or `azblob://CONTAINER?storage_account=ACCOUNT`"
        + (", or deploy with `--engine pulumi`." if known else "."),
    )
