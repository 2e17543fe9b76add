"""Deploy with state in a blob container 40 ms away, beside the same deployment with state on disk.

The container is in the local cloud, behind a proxy that adds 20 ms each way; ARM is not delayed.
Prints seconds and ratios, medians of several. What is aimed at: an `up` without changes within 1.0
s, and one of 100 computes within 1.3 times that with state on disk.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from azure.storage.blob import ContainerClient
from bench_deploy import AML, write_project
from delay_proxy import proxy

from infra.arm.client import local_client
from infra.contract.discovery import SUBSCRIPTION, ensure_cloud

DELAY_S = float(os.environ.get("BENCH_DELAY_S", "0.02"))
REPEATS = int(os.environ.get("BENCH_REPEATS", "3"))
COUNT = int(os.environ.get("BENCH_COUNT", "100"))
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/state"
ACCOUNT = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/benchstate"


def container(home: Path) -> dict[str, str]:
    """Make a container in the local cloud; return the variables of a backend in it, far away."""
    body = {"location": "westeurope", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    cloud = ensure_cloud(home)
    with closing(local_client(home)) as client:
        client.complete("PUT", GROUP, api_version="2021-04-01", body=body)
        client.complete("PUT", ACCOUNT, api_version="2023-05-01", body=body)
        keys = client.complete("POST", f"{ACCOUNT}/listKeys", api_version="2023-05-01").document
    key = keys["keys"][0]["value"]
    with ContainerClient(
        f"{cloud.url}/benchstate", "state", key, connection_verify=str(cloud.ca)
    ) as client:
        client.create_container()
    port = proxy(int(cloud.url.rpartition(":")[2]), DELAY_S)
    where = f"storage_account=benchstate&domain=127.0.0.1:{port}&localemu=true"
    return {
        "PULUMI_BACKEND_URL": f"azblob://state?{where}",
        "AZURE_STORAGE_KEY": key,
        "SSL_CERT_FILE": str(cloud.ca),
    }


def timed(folder: Path, env: dict[str, str], *arguments: str) -> float:
    """Return the seconds that a command takes."""
    began = time.perf_counter()
    subprocess.run([AML, *arguments], cwd=folder, env=env, check=True, capture_output=True)
    return time.perf_counter() - began


def bench(folder: Path, env: dict[str, str]) -> dict[str, float]:
    """Return the median seconds of each command."""
    taken: dict[str, list[float]] = {}
    for _ in range(REPEATS):
        for name, command in (
            ("up", ("up", "--yes")),
            ("up, no change", ("up",)),
            ("program run, no change", ("up", "--no-fingerprint")),
            ("destroy", ("destroy", "--yes")),
        ):
            taken.setdefault(name, []).append(timed(folder, env, *command))
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_project(folder, COUNT)
        near = {**os.environ, "AML_HOME": str(folder / ".aml")}
        subprocess.run([AML, "cloud", "start"], cwd=folder, env=near, check=True)
        try:
            here = bench(folder, near)
            there = bench(folder, near | container(folder / ".aml"))
        finally:
            subprocess.run([AML, "cloud", "stop"], cwd=folder, env=near, check=True)
    print(f"{COUNT} computes, {DELAY_S * 2000:.0f} ms round trip, medians of {REPEATS}")
    print(f"{'':22} {'on disk s':>10} {'in blobs s':>10} {'ratio':>7}")
    for command, seconds in here.items():
        far = there[command]
        print(f"{command:22} {seconds:>10.2f} {far:>10.2f} {far / seconds:>7.2f}", flush=True)


if __name__ == "__main__":
    main()
