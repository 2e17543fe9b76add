"""ARM ids and naming rules, for every part that checks or generates a name."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from infra.contract.errors import UsageError

_SEGMENT = r"[^/<>%&\\?]+"
_GROUP_ID = re.compile(
    rf"/subscriptions/(?P<subscription>{_SEGMENT})"
    rf"(?:/resourcegroups/(?P<resource_group>{_SEGMENT}))?"
    rf"(?:/providers/(?P<provider>.+))?/?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class ArmId:
    """A parsed ARM resource id. ``types`` and ``names`` run from the outermost inwards.

    For an extension resource (a role assignment) ``scope`` is the id it extends.
    """

    subscription: str
    resource_group: str | None
    namespace: str | None = None
    types: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    scope: str = ""

    @property
    def type(self) -> str:
        """Return ``Namespace/type/child``, or the type of a group or subscription."""
        if self.namespace:
            return "/".join((self.namespace, *self.types))
        if self.resource_group:
            return "Microsoft.Resources/resourceGroups"
        return "Microsoft.Resources/subscriptions"

    @property
    def name(self) -> str:
        """Return the last name in the id."""
        return self.names[-1] if self.names else self.resource_group or self.subscription

    @property
    def parent(self) -> "ArmId":
        """Return the id of the parent resource, group or subscription."""
        if len(self.names) > 1:
            return ArmId(
                self.subscription,
                self.resource_group,
                self.namespace,
                self.types[:-1],
                self.names[:-1],
                self.scope,
            )
        if self.scope:
            return parse_arm_id(self.scope)
        if self.namespace:
            return ArmId(self.subscription, self.resource_group)
        return ArmId(self.subscription, None)

    def __str__(self) -> str:
        base = self.scope
        if not base:
            base = f"/subscriptions/{self.subscription}"
            base += f"/resourceGroups/{self.resource_group}" if self.resource_group else ""
        if not self.namespace:
            return base
        pairs = "/".join(f"{t}/{n}" for t, n in zip(self.types, self.names, strict=True))
        return f"{base}/providers/{self.namespace}/{pairs}"


def parse_arm_id(text: str) -> ArmId:
    """Parse an ARM id; segment names are matched without case, spelling is kept.

    Raises ``UsageError`` for any other text.
    """
    match = _GROUP_ID.fullmatch(text.strip())
    if match is None:
        raise _not_an_id(text)
    subscription, group = match["subscription"], match["resource_group"]
    if match["provider"] is None:
        return ArmId(subscription, group)
    # The last /providers/ names the resource; a second one before it makes it an extension.
    scope, _, last = re.sub("(?i)/providers/", "/providers/", text.rstrip("/")).rpartition(
        "/providers/"
    )
    namespace, *pairs = last.split("/")
    if not pairs or len(pairs) % 2 or not all(pairs):
        raise _not_an_id(text)
    extension = "/providers/" in scope
    return ArmId(
        subscription,
        group,
        namespace,
        tuple(pairs[::2]),
        tuple(pairs[1::2]),
        scope if extension else "",
    )


def same_arm_id(one: str, other: str) -> bool:
    """Compare two ids as ARM does: without case or a trailing slash."""
    return one.rstrip("/").lower() == other.rstrip("/").lower()


def qualified(token: str, name: str) -> str:
    """Return the key of `aml:adopt` for a resource whose name one of another type has, too."""
    return f"{token}::{name}"


def _not_an_id(text: str) -> UsageError:
    return UsageError(
        f"{text!r} is not an ARM resource id.",
        remedy="Write /subscriptions/<id>/resourceGroups/<group>/providers/<ns>/<type>/<name>.",
    )


@dataclass(frozen=True, slots=True)
class NameRule:
    """The rule for one kind of name. ``description`` completes “use …” in a message."""

    noun: str
    pattern: str
    description: str
    longest: int
    reserved: frozenset[str] = frozenset()

    def problem(self, name: str) -> str | None:
        """Return what is wrong with ``name``, with a suggestion, or ``None``."""
        # "a user-assigned identity": its u is not spoken as a vowel.
        noun = f"{'an' if self.noun[0] in 'aeioAEIO' else 'a'} {self.noun}"
        if name.lower() in self.reserved:
            return f"{name!r} is a reserved word for {noun}; choose another name."
        if re.fullmatch(self.pattern, name):
            return None
        return f"{name!r} is not {noun} name: use {self.description}.{self._suggestion(name)}"

    def _suggestion(self, name: str) -> str:
        for separator in ("-", ""):
            made = re.sub(r"[^A-Za-z0-9]+", separator, name).strip("-")[: self.longest].strip("-")
            for candidate in (made, made.lower()):
                if candidate and re.fullmatch(self.pattern, candidate):
                    return f" Did you mean {candidate!r}?"
        return ""


# Names that Azure ML's first SDK uses for targets of its own.
_RESERVED = frozenset({"amlcompute", "local", "containerinstance"})

# Sources: Microsoft's resource-name-rules page, the patterns of the published resource types, and
# the message texts of the service; see docs/arm-types.md.
RULES: Final = {
    "resource_group": NameRule(
        "resource group",
        r"[-\w().]{0,89}[-\w()]",
        "1-90 letters, digits or -_().; not a dot at the end",
        90,
    ),
    "workspace": NameRule(
        "workspace",
        r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,32}",
        "3-33 letters, digits, hyphens or underscores, starting with a letter or digit",
        33,
    ),
    "aml_compute": NameRule(
        "AmlCompute",
        r"[a-zA-Z][a-zA-Z0-9-]{1,30}[a-zA-Z0-9]",
        "3-32 letters, digits or hyphens, starting with a letter, ending with a letter or digit",
        32,
        _RESERVED,
    ),
    "compute_instance": NameRule(
        "compute instance",
        r"[a-zA-Z](?!.*-\d+$)[a-zA-Z0-9-]{2,23}",
        "3-24 letters, digits or hyphens, starting with a letter, no hyphen before final digits",
        24,
        _RESERVED,
    ),
    "attached_compute": NameRule(
        "compute",
        r"[a-zA-Z][a-zA-Z0-9-]{0,14}[a-zA-Z0-9]",
        "2-16 letters, digits or hyphens, starting with a letter, ending with a letter or digit",
        16,
        _RESERVED,
    ),
    "storage_account": NameRule(
        "storage account", r"[a-z0-9]{3,24}", "3-24 lower-case letters or digits", 24
    ),
    "key_vault": NameRule(
        "key vault",
        r"[a-zA-Z](?!.*--)[a-zA-Z0-9-]{1,22}[a-zA-Z0-9]",
        "3-24 letters, digits or single hyphens, starting with a letter",
        24,
    ),
    "vault_secret": NameRule(
        "secret", r"[0-9a-zA-Z-]{1,127}", "1-127 letters, digits or hyphens", 127
    ),
    "vault_principal": NameRule(
        "principal",
        r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}",
        "the object id of an identity, a user or a group",
        36,
    ),
    "connection": NameRule(
        "connection",
        r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,32}",
        "3-33 letters, digits, hyphens or underscores, starting with a letter or digit",
        33,
    ),
    "ml_registry": NameRule(
        "registry",
        r"[a-zA-Z0-9][a-zA-Z0-9_-]{1,32}",
        "2-33 letters, digits, hyphens or underscores, starting with a letter or digit",
        33,
    ),
    "kubernetes_cluster": NameRule(
        "Kubernetes cluster",
        r"[a-zA-Z0-9](?:[a-zA-Z0-9_-]{0,61}[a-zA-Z0-9])?",
        "1-63 letters, digits, hyphens or underscores, starting and ending with a letter or digit",
        63,
    ),
    "kubernetes_extension": NameRule(
        "cluster extension",
        r"[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?",
        "1-50 lower-case letters, digits or hyphens",
        50,
    ),
    "registry": NameRule("container registry", r"[a-zA-Z0-9]{5,50}", "5-50 letters or digits", 50),
    "application_insights": NameRule(
        "Application Insights",
        r"(?!.*[. ]$)[\w().-]{1,260}",
        "1-260 letters, digits or -_().; not a dot at the end",
        260,
    ),
    "log_analytics": NameRule(
        "Log Analytics workspace",
        r"[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]",
        "4-63 letters, digits or hyphens, starting and ending with a letter or digit",
        63,
    ),
    "blob_container": NameRule(
        "blob container",
        r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]",
        "3-63 lower-case letters, digits or single hyphens",
        63,
    ),
    "environment": NameRule(
        "environment",
        r"[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,254}",
        "up to 255 letters, digits or ._-, starting with a letter, digit or underscore",
        255,
    ),
    "datastore": NameRule(
        "datastore", r"[a-zA-Z0-9_]{1,255}", "1-255 letters, digits or underscores", 255
    ),
    "user_assigned_identity": NameRule(
        "user-assigned identity",
        r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,127}",
        "3-128 letters, digits, hyphens or underscores, starting with a letter or digit",
        128,
    ),
    "virtual_network": NameRule(
        "virtual network",
        r"[a-zA-Z0-9][\w.-]{0,62}\w",
        "2-64 letters, digits or ._-, starting with a letter or digit, ending with one or _",
        64,
    ),
    "subnet": NameRule(
        "subnet",
        r"[a-zA-Z0-9](?:[\w.-]{0,78}\w)?",
        "1-80 letters, digits or ._-, starting with a letter or digit, ending with one or _",
        80,
    ),
    "virtual_network_peering": NameRule(
        "peering",
        r"[a-zA-Z0-9](?:[\w.-]{0,78}\w)?",
        "1-80 letters, digits or ._-, starting with a letter or digit, ending with one or _",
        80,
    ),
    "network_security_group": NameRule(
        "network security group",
        r"[a-zA-Z0-9](?:[\w.-]{0,78}\w)?",
        "1-80 letters, digits or ._-, starting with a letter or digit, ending with one or _",
        80,
    ),
    "private_endpoint": NameRule(
        "private endpoint",
        r"[a-zA-Z0-9](?:[\w.-]{0,78}\w)?",
        "1-80 letters, digits or ._-, starting with a letter or digit, ending with one or _",
        80,
    ),
    "private_dns_zone_group": NameRule(
        "DNS zone group",
        r"[a-zA-Z0-9](?:[\w.-]{0,78}\w)?",
        "1-80 letters, digits or ._-, starting with a letter or digit, ending with one or _",
        80,
    ),
    "private_dns_zone": NameRule(
        "private DNS zone",
        r"[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63}){1,33}",
        "2-34 labels of up to 63 letters, digits or _-, with dots between them",
        253,
    ),
    "virtual_network_link": NameRule(
        "network link",
        r"[a-zA-Z0-9](?:[\w.-]{0,78}\w)?",
        "1-80 letters, digits or ._-, starting with a letter or digit, ending with one or _",
        80,
    ),
    "diagnostic_setting": NameRule(
        "diagnostic setting",
        r"[^*<>%&:\\?/+\s](?:[^*<>%&:\\?/+]{0,258}[^*<>%&:\\?/+\s])?",
        "1-260 characters, none of them *<>%&:\\?/+",
        260,
    ),
    "blob_service": NameRule("blob service", r"default", "the name default", 7),
    "role_definition": NameRule(
        "role definition",
        r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}",
        "a GUID",
        36,
    ),
    "role_assignment": NameRule(
        "role assignment",
        r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}",
        "a GUID",
        36,
    ),
    "batch_account": NameRule(
        "Batch account", r"[a-z0-9]{3,24}", "3-24 lower-case letters or digits", 24
    ),
    "databricks_workspace": NameRule(
        "Databricks workspace",
        r"[a-zA-Z0-9_-]{3,64}",
        "3-64 letters, digits, hyphens or underscores",
        64,
    ),
    "virtual_machine": NameRule(
        "virtual machine",
        r"(?!.*[.-]$)[a-zA-Z0-9][a-zA-Z0-9_.-]{0,63}",
        "1-64 letters, digits or ._-, starting with a letter or digit",
        64,
    ),
    "experiment": NameRule(
        "experiment",
        r"[a-zA-Z0-9][\w-]{0,254}",
        "up to 255 letters, digits, hyphens or underscores, starting with a letter or digit",
        255,
    ),
    "job": NameRule(
        "job",
        r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,254}",
        "up to 255 letters, digits, hyphens or underscores, starting with a letter or digit",
        255,
    ),
    "stack": NameRule(
        "stack",
        r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}",  # the CLI takes `.` and `-x`, and stumbles over them
        "1-100 letters, digits, hyphens, underscores or dots, starting with none of `-` and `.`",
        100,
    ),
}

PRIVATE_ZONES: Final[Mapping[str, tuple[str, ...]]] = {
    "amlworkspace": ("privatelink.api.azureml.ms", "privatelink.notebooks.azure.net"),
    "blob": ("privatelink.blob.core.windows.net",),
    "dfs": ("privatelink.dfs.core.windows.net",),
    "file": ("privatelink.file.core.windows.net",),
    "queue": ("privatelink.queue.core.windows.net",),
    "table": ("privatelink.table.core.windows.net",),
    "web": ("privatelink.web.core.windows.net",),
    "vault": ("privatelink.vaultcore.azure.net",),
    "registry": ("privatelink.azurecr.io",),
}
"""The zones of each kind of endpoint (``groupId``), as Azure's documentation prescribes them."""
