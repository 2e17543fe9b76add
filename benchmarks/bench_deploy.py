"""Deploy 1, 100, 1,000 computes to the local cloud, beside as many of Terraform's `terraform_data`.

Prints seconds and ratios of whole processes, cold state, one run each. Terraform's resource reaches
no service at all, so the comparison is in its favour; the nearest peer without a download.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
AML = Path(sys.executable).with_name("aml")
COUNTS = tuple(map(int, os.environ.get("BENCH_COUNTS", "1,100,1000").split(",")))


def timed(arguments: list[str], folder: Path, env: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(arguments, cwd=folder, env=env, check=True, capture_output=True)
    return time.perf_counter() - began


def write_project(folder: Path, count: int) -> None:
    computes = "\n".join(
        f"    - {{kind: aml_compute, name: c{i:04}, vm_size: STANDARD_DS3_V2, max_nodes: 1}}"
        for i in range(count)
    )
    (folder / "Pulumi.yaml").write_text(
        f"name: bench\nruntime: python\nmain: {ROOT / 'infra'}\n", encoding="utf-8"
    )
    (folder / "Pulumi.local.yaml").write_text(
        "config:\n  azure-native:location: westeurope\n  aml:cloud: local\n"
        "  aml:workspace: {name: bench, resource_group: bench-rg}\n"
        f"  aml:computes:\n{computes}\n",
        encoding="utf-8",
    )


def bench_aml(folder: Path, count: int) -> dict[str, float]:
    write_project(folder, count)
    env = {**os.environ, "AML_HOME": str(folder / ".aml")}
    subprocess.run([AML, "cloud", "start"], cwd=folder, env=env, check=True, capture_output=True)
    try:
        up = [str(AML), "up", "--yes"]
        return {
            "up": timed(up, folder, env),
            "no change": timed(up, folder, env),
            "destroy": timed([str(AML), "destroy", "--yes"], folder, env),
        }
    finally:
        subprocess.run([AML, "cloud", "stop"], cwd=folder, env=env, check=True, capture_output=True)


def bench_terraform(folder: Path, count: int) -> dict[str, float]:
    resources = {f"c{i:04}": {"input": f"STANDARD_DS3_V2 {i}"} for i in range(count)}
    document = {"resource": {"terraform_data": resources}}
    (folder / "main.tf.json").write_text(json.dumps(document), encoding="utf-8")
    env = dict(os.environ)
    timed(["terraform", "init"], folder, env)
    apply = ["terraform", "apply", "-auto-approve"]
    return {
        "up": timed(apply, folder, env),
        "no change": timed(apply, folder, env),
        "destroy": timed(["terraform", "destroy", "-auto-approve"], folder, env),
    }


def main() -> None:
    if shutil.which("terraform") is None:
        sys.exit("needs the terraform binary")
    print(f"{'computes':>8} {'':10} {'aml s':>8} {'terraform s':>12} {'ratio':>7}")
    for count in COUNTS:
        with tempfile.TemporaryDirectory() as ours, tempfile.TemporaryDirectory() as theirs:
            aml, peer = bench_aml(Path(ours), count), bench_terraform(Path(theirs), count)
        for name, seconds in aml.items():
            ratio = seconds / peer[name]
            print(f"{count:>8} {name:10} {seconds:>8.2f} {peer[name]:>12.2f} {ratio:>7.2f}")


if __name__ == "__main__":
    main()
