"""What state says of each resource, without what differs from one deployment to the next."""

import json
import re
from dataclasses import asdict

from infra.deploy.stack.stacks import open_stack
from infra.engine.model.resources import PROVIDER_PREFIX
from infra.engine.model.values import Secret

# When, and where in the program, an entry was made; what only one of the engines writes.
LEFT_OUT = {"created", "modified", "source_position", "extra"}
VARYING = {
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}": "GUID",
    r"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)": "TIME",
    r"\b[0-9a-f]{32}\b": "HEX",
    r"\baks-[0-9a-f]{8}\b": "aks-HEX",
    r'("(?:created|updated)": )\d{10}\b': r"\g<1>0",
    r'("ipAddresses": \[")10\.\d+\.\d+\.\d+': r"\1PRIVATE",
    r"NAME([a-z-]{0,20}?)[0-9a-f]{8}(?![0-9a-f])": r"NAME\1RANDOM",
}


def portrait(name, stack="local"):
    """Return every resource in state by URN. ``name`` is in the names of this deployment alone."""
    opened = open_stack(stack)
    loaded = opened.backend.load(opened.project.name, stack, opened.cipher)
    assert not loaded.pending
    return {each.urn.replace(name, "NAME"): _entry(each, name) for each in loaded.resources}


def _entry(resource, name):
    fields = {key: value for key, value in asdict(resource).items() if key not in LEFT_OUT}
    fields["inputs"], fields["outputs"] = _open(resource.inputs), _open(resource.outputs)
    fields["dependencies"] = sorted(resource.dependencies)
    by_property = resource.property_dependencies
    fields["property_dependencies"] = {key: sorted(urns) for key, urns in by_property.items()}
    if resource.type.startswith(PROVIDER_PREFIX):
        del fields["property_dependencies"]  # the CLI writes none for providers
    text = json.dumps(fields, sort_keys=True, default=str, ensure_ascii=False)
    for each in (name, name.replace("-", "")):
        text = re.sub(re.escape(each), "NAME", text, flags=re.IGNORECASE)
    for pattern, word in VARYING.items():
        text = re.sub(pattern, word, text)
    return json.loads(text)


def _open(value):
    """Return a value whose secrets can be compared."""
    if isinstance(value, Secret):
        return {"secret": _open(value.value)}
    if isinstance(value, dict):
        return {key: _open(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_open(item) for item in value]
    return value


def assert_same(one, other):
    """Compare two portraits resource by resource, and name what differs."""
    assert one.keys() == other.keys()
    pairs = {urn: (one[urn], other[urn]) for urn in one if one[urn] != other[urn]}
    differing = {
        urn: {key: (was[key], now[key]) for key in was if was[key] != now[key]}
        for urn, (was, now) in pairs.items()
    }
    assert differing == {}, json.dumps(differing, indent=1)
