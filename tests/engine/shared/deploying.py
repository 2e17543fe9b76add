"""Deploys things to a stack: ``deploying.py URL ends|waits NAME…``; ``waits`` before the last."""

import sys
import time

from infra.engine.model.resources import Resource
from infra.engine.state.backend import StateBackend
from infra.engine.state.secrets import Sealer

URL, MODE, *NAMES = sys.argv[1:]


def thing(name: str) -> Resource:
    urn = f"urn:pulumi:dev::proj::things:index:Thing::{name}"
    return Resource(urn, "things:index:Thing", custom=True, id=f"/{name}")


with StateBackend(URL).open(
    "proj", "dev", Sealer.from_passphrase("password", stack="dev")
) as state:
    # As if each interrupted create had been looked up: what is not in state does not exist.
    state.settle(range(len(state.loaded.pending)))
    have = {resource.name: key for key, resource in enumerate(state.loaded.resources)}
    for name, key in have.items():
        state.same(key, thing(name))
    *recorded, last = [name for name in NAMES if name not in have] or ["none"]
    for name in recorded:
        state.ok(state.begin("creating", thing(name)), thing(name))
    operation = state.begin("creating", thing(last))
    sys.stdout.write("begun\n")
    sys.stdout.flush()
    if MODE == "waits":
        time.sleep(600)
    state.ok(operation, thing(last))
