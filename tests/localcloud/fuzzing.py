"""Odd requests: generated from the catalogue's shapes and the cloud's own table of routes."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import quote

from infra.catalogue.body_shapes import Shape, body_shape
from infra.contract.discovery import SUBSCRIPTION, TENANT
from localcloud.calls.kinds import Kind
from localcloud.calls.routes import Route
from localcloud.chain.table import KINDS, ROUTES
from localcloud.planes.mlflow import ENDPOINTS
from localcloud.planes.mlflow_shapes import SHAPES
from tests.localcloud.harness import SUB

GROUP = f"{SUB}/resourceGroups/g"
NAMES = ("first", "second1", "demo", "gdemost", "default", "azureml:one", "1", "cpu", "..", "a b",
         "%2f", "%00", "%ff", "\u00e9", "x" * 300, "{}", "%ed%a0%80", "wörk", "a%2Fb")  # fmt: skip
STRINGS = ("", "a", "AmlCompute", "ComputeInstance", "Command", "AccountKey", "AzureBlob", "None",
           "westeurope", "Standard_DS3_v2", "SystemAssigned", "PT120S", "1", "-1", "NaN", "1e400",
           "9" * 400, " ", "\ud800", "\u0000", "../../x", "metrics.a < 'b'", "a" * 5000,
           "https://[", "é", "azureml:one:1", "/subscriptions/x", "*", "%")  # fmt: skip
NUMBERS = (0, 1, -1, 2.5, 2**31, 2**63, 10**400, -(10**30), 1e308, float("nan"), float("inf"))
BODIES = (b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe{", b'{"a":' * 2000 + b"1" + b"}" * 2000,
          b"[" * 200_000, b'{"tags": {"a": "\\ud800"}}', b'{"properties": NaN}',
          b'{"properties": 1e400}', b'{"properties": ' + b"9" * 5000 + b"}", b"a=1&scope=%20",
          b"grant_type=client_credentials&scope=%20")  # fmt: skip
QUERIES = {"$skip": "x", "$top": "9" * 40, "count": "-1", "maxresults": "9" * 5000, "orderBy": "x",
           "order_by": "1", "filter": "a = ", "max_results": "word", "page_token": "\u0665",
           "comp": "list", "restype": "container", "blockid": "x", "from": "²",
           "isDefault": "", "underlyingResourceAction": "x", "marker": "\x00",
           "forceToPurge": "true", "path": "../..", "experiment_id": "0"}  # fmt: skip
HEADERS = {"x-ms-copy-source": "https://[", "range": "bytes=" + "9" * 5000 + "-", "if-match": "*",
           "x-ms-meta-a": "é", "content-md5": "x", "x-ms-blob-content-type": "a/b",
           "x-ms-blob-type": "PageBlob"}  # fmt: skip
# What a property most often is, so that many requests are accepted and stored.
LIKELY: Mapping[str, tuple[Any, ...]] = {
    "location": ("westeurope",), "vmSize": ("Standard_DS3_v2",), "computeId": ("cpu", "first"),
    "environmentId": ("azureml:one:1",), "command": ("python x.py", "echo ${{inputs.any}}"),
    "jobType": ("Command",), "experiment_id": ("0",), "experiment_ids": (["0"], []),
    "run_id": ("seen",), "name": ("one", "two", "é"), "version": ("1", 1), "model_id": ("m-1",),
    "source": ("models:/one/1", "models:/m-1", "s3://a"), "alias": ("best",),
    "maxNodeCount": (1, 3), "minNodeCount": (0,), "scope": (GROUP,),
    "nodeIdleTimeBeforeScaleDown": ("PT120S",), "key": ("a", "é"), "filter": ("", "tags.a = 'b'"),
    "order_by": ([], ["attributes.start_time"], ["metrics.a DESC"]), "runId": ("seen",),
    "codeId": (None,), "instanceCount": (1,), "limits": (None,), "userAssignedIdentities": ({},),
}  # fmt: skip
# What an MLflow request finds.
FOUND = {"run_id": "seen", "name": "one", "version": "1", "alias": "best", "metric_key": "a"}
LUCK = 0.8
METHODS = ("GET", "PUT", "PATCH", "POST", "DELETE", "HEAD", "OPTIONS")
WRITES = ("PUT",) * 12 + ("PATCH",) * 6 + ("POST", "POST") + METHODS


_STORING = (
    "/mlflow", "/history", "/{acc", "/metric", "/artifact", "/dataset", "/modelmanagement",
    "/environment", "/credential",
)  # fmt: skip


@dataclass
class Fuzzer:
    """Makes requests, always the same ones for a seed: method, path, query, headers, body."""

    random: Random
    depth: int = 5
    endpoints: tuple[str, ...] = tuple(ENDPOINTS)
    planes: tuple[Route, ...] = field(
        default_factory=lambda: tuple(r for r in ROUTES if not r.template.startswith("/aml/"))
    )

    @property
    def data_planes(self) -> Sequence[Route]:
        """Routes of MLflow, azureml-core and blobs, most of which store something."""
        return [r for r in self.planes if r.template.startswith(_STORING)]

    def requests(self, number: int) -> Iterator[tuple[str, str, dict[str, str], bytes]]:
        """Yield requests: half of them for ARM types, the others over every other route."""
        for turn in range(number):
            if turn % 2:
                yield self._of_kind(KINDS[turn // 2 % len(KINDS)])
            elif turn % 4:
                yield self._of_route(self.planes[turn // 4 % len(self.planes)])
            else:
                yield self._of_route(self.random.choice(self.data_planes))

    def _of_kind(self, kind: Kind) -> tuple[str, str, dict[str, str], bytes]:
        method = self.random.choice(WRITES)
        path = self.path_of(kind.type)
        if method == "DELETE" and path.endswith(("/demo", "/gdemost")):
            method = "GET"  # without the workspace every later request would be a 404
        if method == "POST":
            path += "/" + self.random.choice((*kind.actions, "nothing"))
        elif self.random.random() < 0.1:
            path = path.rpartition("/")[0]
        return method, path, self._query(), self._body(body_shape(kind.type))

    def path_of(self, type: str) -> str:
        """Return the path of a resource of a type, most often below parents that exist."""
        namespace, *types = type.split("/")
        if type == "Microsoft.Resources/resourceGroups":
            return f"{SUB}/resourceGroups/{self._name()}"
        pairs = "".join(f"/{each}/{self._parent(each)}" for each in types[:-1])
        return f"{GROUP}/providers/{namespace}{pairs}/{types[-1]}/{self._name()}"

    def _parent(self, type: str) -> str:
        known = {"workspaces": "demo", "storageAccounts": "gdemost"}
        name = known.get(type, "default" if type.endswith("Services") else "first")
        return name if self.random.random() < 0.95 else self._name()

    def _name(self) -> str:
        lucky = self.random.random() < LUCK
        return quote(self.random.choice(NAMES[:8] if lucky else NAMES), safe="%:.{}")

    def _of_route(self, route: Route) -> tuple[str, str, dict[str, str], bytes]:
        method = self.random.choice((*route.methods.replace("*", " ".join(METHODS)).split(),))
        template = route.template.replace("{ws}", f"{GROUP}/providers/Microsoft.MachineLearning"
                                          "Services/workspaces/demo")  # fmt: skip
        query, shape = self._query(), route.shape if route.shape != "any" else {}
        known = {"subscription": SUBSCRIPTION, "tenant": TENANT, "account": "gdemost"}
        known["run"] = self.random.choice(("seen", ""))
        if "{endpoint:path}" in template:
            method, _, endpoint = self.random.choice(self.endpoints).partition(" ")
            shape = SHAPES.get(endpoint, {})
            known["endpoint"] = endpoint.replace("{}", "m-1")
            if method == "GET":
                query |= FOUND if self.random.random() < LUCK else {}
        path = re.sub(r"\{(\w+)(?::\w+)?\}", lambda m: known.get(m[1]) or self._name(), template)
        return method, path, query, self._body(shape)

    def headers(self) -> dict[str, str]:
        """Return odd headers of the blob service; they are ignored elsewhere."""
        few = self.random.sample(sorted(HEADERS), self.random.choice((0, 0, 1, 2)))
        return {"x-ms-blob-type": "BlockBlob"} | {name: HEADERS[name] for name in few}

    def _query(self) -> dict[str, str]:
        few = self.random.sample(sorted(QUERIES), self.random.choice((0, 0, 1, 2)))
        return {"api-version": "2024-10-01"} | {name: QUERIES[name] for name in few}

    def _body(self, shape: Shape) -> bytes:
        if self.random.random() < 0.1:
            return self.random.choice(BODIES)
        odd = self.random.choice((0.0, 0.0, 0.0, 0.02, 0.1))
        return json.dumps(self._value(shape, odd, 0)).encode()

    def _value(self, shape: Shape, odd: float, depth: int) -> Any:
        if self.random.random() < odd:
            return self._anything()
        if isinstance(shape, str):
            words = shape[1:].split("|") if shape.startswith("=") else self._plain(shape, odd)
            return self.random.choice(words)
        if isinstance(shape, list):
            return [self._value(shape[0], odd, depth + 1) for _ in range(depth < self.depth)]
        return self._object(shape, odd, depth)

    def _plain(self, shape: str, odd: float) -> Sequence[Any]:
        if shape in {"string", "text"}:
            return STRINGS if odd else STRINGS[:16]
        if shape == "any":
            return [self._anything()]
        return (True, False) if shape == "boolean" else NUMBERS if odd else NUMBERS[:3]

    def _object(self, shape: Any, odd: float, depth: int) -> dict[str, Any]:
        made: dict[str, Any] = {"mlflow": self._anything()} if self.random.random() < odd else {}
        for key, inner in shape.items():
            if self.random.random() < 0.3 + depth * 0.1 and key not in {"properties", "sku"}:
                continue
            if key.startswith("by "):
                variant = self.random.choice(sorted(inner))
                made[key.removeprefix("by ")] = variant
                made |= self._object(inner[variant], odd, depth + 1)
            elif key in LIKELY and self.random.random() > odd:
                made[key] = self.random.choice(LIKELY[key])
            else:
                made["any" if key == "*" else key] = self._value(inner, odd, depth + 1)
        return made

    def _anything(self) -> Any:
        return self.random.choice(
            (None, True, [], {}, [[]], [None], {"0": 1}, {"": None}, [{"key": 1}],
             self.random.choice(STRINGS), self.random.choice(NUMBERS))
        )  # fmt: skip
