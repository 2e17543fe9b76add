"""What a killed `aml` leaves for the Pulumi CLI, read and taken over by the real one."""

import json
import subprocess

import pytest

from tests.engine.killing import PROJECT, STACK
from tests.engine.test_kill_points import LEAST_READINGS, SHAPES, report_of
from tests.interop.cli import Cli

FULL_NAME = f"organization/{PROJECT}/{STACK}"
META = "version: 1\n"


@pytest.fixture(scope="module")
def left(tmp_path_factory):
    """Return what deaths left: at least 50 checkpoints, no two of them alike."""
    Cli.program()
    folder = tmp_path_factory.mktemp("killed")
    kept = folder / "kept"
    kept.mkdir()
    for shape in SHAPES:
        report = report_of("killing", folder / shape, shape, "single", 24, kept)
        assert report["failures"] == []
    found = sorted(kept.iterdir())
    assert len(found) >= LEAST_READINGS
    return found


@pytest.mark.needs_pulumi
@pytest.mark.timeout(900)
def test_the_pulumi_cli_takes_what_a_death_leaves(tmp_path, left):
    stacks = tmp_path / "state/.pulumi/stacks" / PROJECT
    stacks.mkdir(parents=True)
    (tmp_path / "state/.pulumi/meta.yaml").write_text(META, encoding="utf-8")
    environment = Cli.environment_of(tmp_path / "home", tmp_path / "state")
    environment["PULUMI_CONFIG_PASSPHRASE"] = "kill"

    def pulumi(*arguments, given=None):
        command = [Cli.program(), "stack", *arguments, "--stack", FULL_NAME, "--non-interactive"]
        ended = subprocess.run(
            command,
            env=environment,
            cwd=tmp_path,
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    for checkpoint in left:
        written = checkpoint.read_bytes()
        (stacks / f"{STACK}.json").write_bytes(written)
        exported = pulumi("export")
        wanted = json.loads(written)["checkpoint"]["latest"] or {}
        found = json.loads(exported)["deployment"]
        for part in ("resources", "pending_operations"):
            assert names(found.get(part)) == names(wanted.get(part)), checkpoint
        pulumi("import", given=exported)  # checks the integrity of all entries


def names(entries):
    """Return which resources entries are of, in order."""
    shown = [each.get("resource", each) for each in entries or ()]
    return [(each["urn"], each.get("id"), each.get("delete", False)) for each in shown]
