"""Runs on a compute instance that is stopped, through the command line."""

import pytest


@pytest.fixture
def shop(project):
    project.edit(
        "max_nodes: 2, idle_seconds: 60}",
        "max_nodes: 2, idle_seconds: 60}\n"
        f"    - {{kind: compute_instance, name: box-{project.name}, vm_size: STANDARD_D2_V2}}",
    )
    project.good("up", "--yes")
    folder = project.root / "src"
    folder.mkdir()
    (folder / "requirements.txt").write_text("")
    (folder / "train.py").write_text("print('trained')")
    return project


def test_a_stopped_instance_is_named_and_started_on_request(shop):
    box = f"box-{shop.name}"
    shop.good("compute", "stop", box)
    options = ("--target", box, "--source-directory", "src", "train.py")
    refused = shop.aml("submit", *options)
    assert refused.code == 2
    assert f"Compute instance '{box}' is stopped" in refused.err
    assert f"`aml compute start {box}`" in refused.err
    started = shop.good("submit", "--start", *options)
    assert f"Started {box}." in started.err
    assert "trained" in started.out
    assert f"Started {box}." not in shop.good("submit", "--start", *options).err
    wrong = shop.aml("submit", "--start", "--source-directory", "src", "train.py")
    assert wrong.code == 2
    assert "cannot be started with `--start`" in wrong.err
