"""Deploy 1, 100, 1,000 computes to the local cloud, beside the peers that are installed.

Prints CPU seconds of whole processes, cold state, one run each, and ratios. The Pulumi CLI deploys
the same stack with this product's plugin. Terraform deploys as many of its `terraform_data`, which
reach no service at all, so the comparison is in its favour. The local cloud's own CPU time is not
in it, as no service's is. `BENCH_CLI_COUNTS` says for how many computes the CLI is run: for 1,000
it takes ten minutes.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
AML = Path(sys.executable).with_name("aml")
COUNTS = tuple(map(int, os.environ.get("BENCH_COUNTS", "1,100,1000").split(",")))
CLI_COUNTS = tuple(map(int, os.environ.get("BENCH_CLI_COUNTS", "1,100").split(",")))


def timed(arguments: list[str], folder: Path, env: dict[str, str]) -> float:
    """Return the CPU seconds of a command and of the processes that it waited for."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(arguments, cwd=folder, env=env, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def write_project(folder: Path, count: int) -> None:
    computes = "\n".join(
        f"    - {{kind: aml_compute, name: c{i:04}, vm_size: STANDARD_DS3_V2, max_nodes: 1}}"
        for i in range(count)
    )
    (folder / "Pulumi.yaml").write_text(
        f"name: bench\nruntime: python\nmain: {ROOT / 'infra'}\n"
        "plugins:\n  providers:\n"
        f"    - {{name: azure-native, path: {ROOT / 'infra' / 'plugin'}}}\n",
        encoding="utf-8",
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
        up, plan = [str(AML), "up", "--yes"], [str(AML), "preview"]
        return {
            "plan": timed(plan, folder, env),
            "up": timed(up, folder, env),
            "no change": timed(up, folder, env),
            "plan, no change": timed(plan, folder, env),
            "program run, no change": timed([*up, "--no-fingerprint"], folder, env),
            "destroy": timed([str(AML), "destroy", "--yes"], folder, env),
        }
    finally:
        subprocess.run([AML, "cloud", "stop"], cwd=folder, env=env, check=True, capture_output=True)


def bench_cli(folder: Path, count: int) -> dict[str, float]:
    """Return the same of the Pulumi CLI, with the plugin that `Pulumi.yaml` names."""
    write_project(folder, count)
    (folder / "state").mkdir()
    python = Path(sys.executable)
    env = {
        **os.environ,
        "AML_HOME": str(folder / ".aml"),
        "AML_PLUGIN_PYTHON": str(python),
        "PATH": f"{python.parent}:{os.environ['PATH']}",
        "VIRTUAL_ENV": str(python.parents[1]),
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "bench",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }
    subprocess.run([AML, "cloud", "start"], cwd=folder, env=env, check=True, capture_output=True)
    try:
        timed(["pulumi", "stack", "init", "local", "--non-interactive"], folder, env)
        chosen = ["--stack", "local", "--non-interactive"]
        up = ["pulumi", "up", "--yes", "--skip-preview", *chosen]
        plan = ["pulumi", "preview", *chosen]
        return {
            "plan": timed(plan, folder, env),
            "up": timed(up, folder, env),
            "no change": timed(up, folder, env),
            "plan, no change": timed(plan, folder, env),
            "destroy": timed(
                ["pulumi", "destroy", "--yes", "--skip-preview", *chosen], folder, env
            ),
        }
    finally:
        subprocess.run([AML, "cloud", "stop"], cwd=folder, env=env, check=True, capture_output=True)


def bench_terraform(folder: Path, count: int) -> dict[str, float]:
    resources = {f"c{i:04}": {"input": f"STANDARD_DS3_V2 {i}"} for i in range(count)}
    document = {"resource": {"terraform_data": resources}}
    (folder / "main.tf.json").write_text(json.dumps(document), encoding="utf-8")
    env = dict(os.environ)
    timed(["terraform", "init"], folder, env)
    apply, plan = ["terraform", "apply", "-auto-approve"], ["terraform", "plan"]
    return {
        "plan": timed(plan, folder, env),
        "up": timed(apply, folder, env),
        "no change": timed(apply, folder, env),
        "plan, no change": timed(plan, folder, env),
        "destroy": timed(["terraform", "destroy", "-auto-approve"], folder, env),
    }


def main() -> None:
    print(f"{'computes':>8} {'':22} {'aml CPU s':>10} {'terraform':>10} {'ratio':>7}", end="")
    print(f" {'pulumi':>10} {'ratio':>7}")
    for count in COUNTS:
        aml = in_a_folder(bench_aml, count)
        peers = [
            in_a_folder(bench_terraform, count) if shutil.which("terraform") else {},
            in_a_folder(bench_cli, count) if shutil.which("pulumi") and count in CLI_COUNTS else {},
        ]
        for name, seconds in aml.items():
            beside = [
                f"{other:>10.2f} {seconds / other:>7.2f}" if other else f"{'-':>10} {'-':>7}"
                for other in (peer.get(name) for peer in peers)
            ]
            print(f"{count:>8} {name:22} {seconds:>10.2f} {' '.join(beside)}", flush=True)


def in_a_folder(bench: Callable[[Path, int], dict[str, float]], count: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        return bench(Path(folder), count)


if __name__ == "__main__":
    main()
