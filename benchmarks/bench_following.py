"""How old a printed line is when `aml submit` shows it: here, on a machine over ssh, on a cluster.

The machine and the cluster are the local cloud's. The peer is `python -u` through a pipe. For
containers see ``bench_docker``.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

AML = Path(sys.executable).with_name("aml")
LINES = int(os.environ.get("BENCH_LINES", "100"))
TICKS = f"""
import time
for _ in range({LINES}):
    print(time.time(), flush=True)
    time.sleep(0.1)
"""
MACHINE = (
    "/subscriptions/00000000-0000-0000-0000-0000000000aa/resourceGroups/machines"
    "/providers/Microsoft.Compute/virtualMachines/vm"
)
STACK = f"""
config:
  azure-native:location: westeurope
  aml:cloud: local
  aml:workspace: {{name: bench, resource_group: bench-rg}}
  aml:computes:
    - {{kind: aml_compute, name: cpu, vm_size: STANDARD_DS3_V2, max_nodes: 1}}
    - kind: virtual_machine
      name: vm
      resource_id: {MACHINE}
      user: azureuser
      private_key: file:.aml/keys/vm
"""


def ages(command: Sequence[str], folder: Path, env: dict[str, str]) -> list[float]:
    """Return how old each line is when it is printed, in order of their age."""
    with subprocess.Popen(
        command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        found = sorted(time.time() - float(line) for line in process.stdout)
    assert len(found) == LINES, f"{' '.join(command)}: {len(found)} of {LINES} lines"
    return found


def main() -> None:
    env = {k: v for k, v in os.environ.items() if not k.startswith(("AML_", "PULUMI_"))}
    with tempfile.TemporaryDirectory(prefix="aml-bench-") as name:
        folder = Path(name)
        (folder / "Pulumi.local.yaml").write_text(STACK, encoding="utf-8")
        (folder / "ticks.py").write_text(TICKS, encoding="utf-8")
        (folder / "requirements.txt").write_text("", encoding="utf-8")

        def aml(*arguments: str) -> None:
            subprocess.run([AML, *arguments], cwd=folder, env=env, check=True, capture_output=True)

        aml("cloud", "vm", "create", "vm")
        try:
            aml("up", "--yes")
            rows = {"python -u": [sys.executable, "-u", "ticks.py"]}
            for target in ("local", "vm", "cpu"):
                rows[target] = [str(AML), "submit", "--target", target, "ticks.py"]
            print(f"from print to terminal, {LINES} lines    p50      p95")
            for shown, command in rows.items():
                found = ages(command, folder, env)
                p50, p95 = found[LINES // 2], found[LINES * 95 // 100]
                print(f"{shown:36} {p50:6.3f} s {p95:6.3f} s")
        finally:
            aml("cloud", "stop")


if __name__ == "__main__":
    main()
