"""A deployment whose inputs did not change ends without running the program; any other runs it."""

import json
import subprocess
import sys

from tests.deploy.test_own_program import EXAMPLE

CREDENTIAL = """\
  aml:datastores:
    - kind: azure_blob
      name: data
      account_name: somebody
      container: data
      credentials: {type: account_key, key: "%s"}
"""


def runs(project, *command):
    """Return whether a deployment runs the program; only then is it in the history."""
    folder = project.home / "state/.pulumi/history"
    before = len(list(folder.rglob("*.history.json")))
    project.good(*(command or ("up", "--yes")))
    return len(list(folder.rglob("*.history.json"))) > before


def test_the_deployment_after_a_first_one_does_not_run_the_program(deployed):
    assert not runs(deployed)
    assert "no changes (12 unchanged)" in deployed.good("up").err
    assert "no changes (12 unchanged)" in deployed.good("preview").err


def test_it_imports_neither_the_sdk_nor_what_a_plan_needs(deployed):
    program = (
        "import sys; from runtime.cli.root import run; code = run(['up', '--yes']);"
        "print(code, sorted({'pulumi', 'pydantic', 'rich', 'grpc', 'httpx'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=deployed.root,
        env=deployed.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "0 []\n"
    assert "no changes (12 unchanged)" in done.stderr


def stack_file(project):
    project.edit("max_nodes: 2", "max_nodes: 3")


def project_file(project):
    with (project.root / "Pulumi.yaml").open("a", encoding="utf-8") as file:
        file.write("description: another\n")


def checkpoint(project):
    state = project.state_file().read_text(encoding="utf-8")
    project.state_file().write_text(state + "\n", encoding="utf-8")


def manifest(project):
    (project.home / "manifests/local.json").unlink()


def journal(project):
    project.state_file().with_suffix(".json.journal").touch()


def key(project):
    (project.home / "fingerprints/key").write_bytes(b"x" * 32)


def result(project):
    file = project.home / "fingerprints/local.json"
    record = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(record | {"line": "no changes (13 unchanged)"}), encoding="utf-8")


def damage(project):
    (project.home / "fingerprints/local.json").write_text("{", encoding="utf-8")


CHANGES = (stack_file, project_file, checkpoint, manifest, journal, key, result, damage)


def test_whatever_a_deployment_depends_on_makes_it_run_again(deployed):
    for change in CHANGES:
        change(deployed)
        assert runs(deployed), change.__name__
        assert not runs(deployed), change.__name__


def test_options_that_ask_for_more_run_it(deployed):
    for options in (("--refresh",), ("--no-fingerprint",), ("-m", "for the record")):
        assert runs(deployed, "up", "--yes", *options), options


def test_a_credential_that_changed_makes_it_run_again(project, monkeypatch):
    file = project.stack_file()
    text = file.read_text(encoding="utf-8")
    for reference in ("env:STORAGE_KEY", "file:key.txt"):
        (project.root / "key.txt").write_text("Zmlyc3Q=", encoding="utf-8")
        monkeypatch.setenv("STORAGE_KEY", "Zmlyc3Q=")
        file.write_text(text + CREDENTIAL % reference, encoding="utf-8")
        project.good("up", "--yes")
        assert not runs(project)
        monkeypatch.setenv("STORAGE_KEY", "c2Vjb25k")
        (project.root / "key.txt").write_text("c2Vjb25k", encoding="utf-8")
        assert runs(project)
    kept = (project.home / "fingerprints/local.json").read_text(encoding="utf-8")
    assert "c2Vjb25k" not in kept


def test_state_in_a_container_is_compared_as_it_is_there(project, container):
    def ran():
        before = len(list(container.list_blobs(".pulumi/history/")))
        project.good("up", "--yes")
        return len(list(container.list_blobs(".pulumi/history/"))) > before

    def write(name, data):
        container.upload_blob(name, data, overwrite=True)

    assert ran()
    assert not ran()
    stack = ".pulumi/stacks/shop/local.json"
    write(stack, container.download_blob(stack).readall() + b"\n")  # as another machine does
    assert ran()
    assert not ran()
    write(f"{stack}.journal", b"")
    assert ran()


def test_a_cloud_that_was_reset_makes_it_run_again(alone):
    alone.good("up", "--yes")
    alone.good("cloud", "reset", "--yes")
    said = alone.good("up", "--yes").err
    # The stack, its provider and two components are in state only: no reset takes them away.
    assert "8 created, 4 unchanged" in said
    assert not runs(alone)


def test_a_warning_is_shown_by_every_deployment(project):
    text = project.stack_file().read_text(encoding="utf-8")
    program = project.root / "program"
    program.mkdir()
    (program / "__main__.py").write_text("import pulumi\npulumi.log.warn('look here')\n")
    (project.root / "Pulumi.yaml").write_text(
        "name: shop\nruntime: python\nmain: program\nstackConfigDir: stacks\n"
        "config: {aml:pure: true}\n"
    )
    project.stack_file().write_text(text.split("  aml:workspace")[0], encoding="utf-8")
    for _ in range(2):
        assert "look here" in project.good("up", "--yes").err


def test_a_program_of_ones_own_runs_unless_the_project_declares_it_pure(project):
    project.stack_file().write_text(
        (EXAMPLE / "Pulumi.local.yaml").read_text(encoding="utf-8"), encoding="utf-8"
    )
    text = (EXAMPLE / "platform_program/__main__.py").read_text(encoding="utf-8")
    text = text.replace('f"churn-{stack}', f'f"{project.name}-{{stack}}')
    program = project.root / "program"
    program.mkdir()
    (program / "__main__.py").write_text(f"import names\n{text}", encoding="utf-8")
    (program / "names.py").touch()
    settings = "name: churn\nruntime: python\nmain: program\nstackConfigDir: stacks\n"
    (project.root / "Pulumi.yaml").write_text(settings, encoding="utf-8")
    project.good("up", "--yes")
    assert runs(project)
    pure = f"{settings}config:\n  aml:pure: true\n"
    (project.root / "Pulumi.yaml").write_text(pure, encoding="utf-8")
    assert runs(project)
    assert not runs(project)
    (program / "names.py").write_text("# another\n", encoding="utf-8")
    assert runs(project)
