"""Reads values of the service's answers in the words of a stack file. Pure."""

import base64
import re
from collections.abc import Iterable
from typing import Final

from infra.catalogue.durations import duration_s
from infra.catalogue.roles import ROLES
from infra.contract.json_types import Document, JsonObject
from infra.spec.connections import AUTHENTICATION, CATEGORIES

_MINUTE_S: Final = 60
_CORS: Final = {
    "origins": "allowedOrigins",
    "methods": "allowedMethods",
    "allowed_headers": "allowedHeaders",
    "exposed_headers": "exposedHeaders",
    "max_age_seconds": "maxAgeInSeconds",
}
_IDENTITIES: Final = {
    "systemassigned": "system_assigned",
    "userassigned": "user_assigned",
    "systemassigned,userassigned": "system_and_user_assigned",
}


def snake(word: object) -> str:
    """Return the service's word in the form of a stack file."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(word)).lower()


def seconds(duration: object) -> int:
    """Return a duration in seconds."""
    return int(duration_s(str(duration)) or 0)


def minutes(duration: object) -> int:
    """Return a duration in minutes."""
    return seconds(duration) // _MINUTE_S


def _minutes_of_script(text: object) -> object:
    minutes = str(text).removesuffix("m")
    return int(minutes) if minutes.isdecimal() else text


def identity(value: Document) -> JsonObject | None:
    """Return a managed identity with the ids of its user-assigned ones."""
    kind = _IDENTITIES.get(str(value.get("type", "")).replace(" ", "").lower())
    if kind is None:
        return None
    ids = sorted(value.get("userAssignedIdentities") or ())
    return {"type": kind, **({"ids": ids} if ids else {})}


def schedules(value: Iterable[Document]) -> list[JsonObject]:
    """Return the schedules of a compute instance."""
    return [_schedule(each) for each in value or ()]


def _schedule(each: Document) -> JsonObject:
    made: JsonObject = {"action": snake(each.get("action"))}
    cron, recurrence = each.get("cron") or {}, each.get("recurrence") or {}
    if cron:
        made["cron"] = cron.get("expression")
    else:
        made["recurrence"] = _recurrence(recurrence)
    for key, name in (("time_zone", "timeZone"), ("start_time", "startTime")):
        value = (cron or recurrence).get(name)
        if value and value != "UTC":
            made[key] = value
    if each.get("status") == "Disabled":
        made["enabled"] = False
    return made


def _recurrence(value: Document) -> JsonObject:
    times = value.get("schedule") or {}
    made = {
        "frequency": snake(value.get("frequency")),
        "interval": value.get("interval", 1),
        "hours": times.get("hours"),
        "minutes": times.get("minutes"),
        "week_days": [snake(day) for day in times.get("weekDays") or ()],
        "month_days": times.get("monthDays"),
    }
    return {key: item for key, item in made.items() if item and (key, item) != ("interval", 1)}


def script(value: Document) -> JsonObject:
    """Return a script of a compute instance."""
    data = str(value.get("scriptData", ""))
    made: JsonObject = {"path": data}
    if str(value.get("scriptSource")).lower() == "inline":
        made = {"inline": _decoded(data)}
    if value.get("scriptArguments"):
        made["arguments"] = value["scriptArguments"]
    if value.get("timeout"):
        made["timeout_minutes"] = _minutes_of_script(value["timeout"])
    return made


def _decoded(data: str) -> str:
    """Return a script's text, or nothing for a script that is no text: no key can hold it."""
    try:
        return base64.b64decode(data).decode()
    except ValueError:
        return ""


def instance_types(value: Document) -> JsonObject:
    """Return the instance types of a Kubernetes cluster."""
    return {name: _instance_type(each or {}) for name, each in value.items()}


def _instance_type(each: Document) -> JsonObject:
    resources = {k: v for k, v in (each.get("resources") or {}).items() if v}
    known = {key: value for key, value in resources.items() if key in ("requests", "limits")}
    parts = {"node_selector": each.get("nodeSelector"), "resources": known}
    return {key: value for key, value in parts.items() if value}


def outbound_rules(value: Document) -> list[JsonObject]:
    """Return the rules that a person made, without those that the service needs itself."""
    made = {name: _outbound_rule(each) for name, each in value.items() if _by_a_person(each)}
    return [{"name": name, **rule} for name, rule in sorted(made.items()) if rule]


def _by_a_person(rule: Document) -> bool:
    return str(rule.get("category", "UserDefined")) == "UserDefined"


def _outbound_rule(rule: Document) -> JsonObject:
    to = rule.get("destination")
    match str(rule.get("type")).lower(), to:
        case "fqdn", str(host):
            return {"kind": "fqdn", "host": host}
        case "servicetag", {"serviceTag": tag, **rest}:
            named = {
                "protocol": str(rest.get("protocol") or "TCP"),
                "ports": str(rest.get("portRanges") or "443"),
            }
            usual = {"protocol": "TCP", "ports": "443"}
            said = {key: each for key, each in named.items() if each != usual[key]}
            return {"kind": "service_tag", "service_tag": tag, **said}
        case "privateendpoint", {"serviceResourceId": id_, **rest}:
            spark = {"spark": True} if rest.get("sparkEnabled") else {}
            what = {"resource_id": id_, "subresource": rest.get("subresourceTarget")}
            return {"kind": "private_endpoint", **what, **spark}
    return {}


def security_rules(value: Iterable[Document]) -> list[JsonObject]:
    """Return the rules of a security group."""
    return [_security_rule(each) for each in value]


def _security_rule(rule: Document) -> JsonObject:
    made: JsonObject = {"name": rule.get("name")}
    made |= {key: str(rule.get(key)).lower() for key in ("direction", "access", "protocol")}
    made["priority"] = rule.get("priority")
    for key, one in (
        ("sources", "sourceAddressPrefix"),
        ("destinations", "destinationAddressPrefix"),
        ("ports", "destinationPortRange"),
    ):
        several = rule.get(f"{one}es" if one.endswith("x") else f"{one}s")
        made[key] = several or [rule.get(one) or "*"]
    return made


def subnet_ids(value: Iterable[Document]) -> list[str]:
    """Return the ids of the subnets that a firewall lets in."""
    return [str(each.get("virtualNetworkResourceId") or each.get("id")) for each in value]


def addresses(value: Iterable[Document]) -> list[str]:
    """Return the addresses that a firewall lets in."""
    return [str(each.get("iPAddressOrRange") or each.get("value")) for each in value]


def days(value: Document) -> object:
    """Return how many days something is kept."""
    return value.get("days") if value.get("enabled") else None


def role(definition_id: object) -> str:
    """Return the name of a role, or the GUID of one that has no name here."""
    guid = str(definition_id).rpartition("/")[2]
    return next((name for name, known in ROLES.items() if known == guid), guid)


def switch(value: object) -> str:
    """Return whether keys open a storage account; the service's default is that they do."""
    return "disabled" if value is False else "enabled"


def authorization(value: object) -> str:
    """Return who decides about reading secrets."""
    return "rbac" if value is True else "access_policies"


def policy(value: object) -> str:
    """Return what of a subnet holds for private endpoints in it."""
    return snake(str(value).removesuffix("Enabled")) or "enabled"


def services(value: Iterable[Document]) -> list[str]:
    """Return the services that a subnet has endpoints of."""
    return [str(each.get("service")) for each in value]


def locations(value: Iterable[Document]) -> list[str]:
    """Return the regions of a registry."""
    return [str(each.get("location")) for each in value]


def workspace_kind(value: object) -> str | None:
    """Return the kind of a workspace, nothing for one that a stack file has no word for."""
    word = str(value).lower()
    return word if word in {"default", "hub", "project"} else None


def trusted(bypass: object) -> bool:
    """Return whether a firewall lets trusted services of Azure in."""
    return "azureservices" in str(bypass).lower()


def status(state: Document) -> object:
    """Return whether the connection of a private endpoint is approved, and what it is if not."""
    return state.get("status")


def is_enabled(attributes: Document) -> bool:
    """Return whether a secret may be read."""
    return attributes.get("enabled") is not False


def is_true(value: object) -> bool:
    """Return a switch that the service keeps as text."""
    return str(value).lower() == "true"


def cors(value: Iterable[Document]) -> list[JsonObject]:
    """Return which pages of other sites may read blobs."""
    return [{key: each[name] for key, name in _CORS.items() if each.get(name)} for each in value]


def connection_kind(category: object) -> str:
    """Return the kind of a connection, or the service's word for one that has none here."""
    return next((kind for kind, name in CATEGORIES.items() if name == category), str(category))


def authentication(word: object) -> str | None:
    """Return the type of a connection's credentials, nothing for one without."""
    known = (type_ for type_, (name, _) in AUTHENTICATION.items() if name == word)
    return None if word == "None" else next(known, str(word))
