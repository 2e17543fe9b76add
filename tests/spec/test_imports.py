"""What `aml check` loads: it must start in an instant, and without the infra extra."""

import subprocess
import sys

import pytest

HEAVY = ("pulumi", "pulumi_azure_native", "grpc", "ruamel", "cryptography", "httpx", "rich")
COMMAND = """
import sys
from runtime.cli.root import main
try:
    main(["check", "-s", sys.argv[1]])
finally:
    print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


@pytest.mark.parametrize(("stack", "code"), [("good", 0), ("bad", 2)])
def test_checking_a_stack_loads_nothing_heavy(tmp_path, stack, code):
    (tmp_path / "Pulumi.yaml").write_text("name: shop\n")
    valid = "config: {'azure-native:location': westeurope, 'aml:cloud': local, "
    valid += "'aml:workspace': {name: demo, resource_group: rg}}"
    (tmp_path / "Pulumi.good.yaml").write_text(valid)
    (tmp_path / "Pulumi.bad.yaml").write_text(valid.replace("local", "lokal"))
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, stack],
        check=False,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == code, done.stderr
    assert not set(HEAVY) & set(done.stdout.split())
