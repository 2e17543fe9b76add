"""One state, two doors: what `aml` deploys the Pulumi CLI continues, and the other way round.

Each program is deployed through one door, found unchanged through the other, changed through that,
found unchanged through the first, refreshed and destroyed. What both doors leave in state is
compared resource by resource. Where the real CLI is on PATH, all of that is done both ways round;
everywhere, our plugin client stands in its place.
"""

from pathlib import Path

import pytest

from infra.contract.discovery import SUBSCRIPTION
from tests.interop.aml import Aml
from tests.interop.cli import Cli
from tests.interop.portraits import assert_same, portrait
from tests.interop.stand_in import StandIn

PROGRAMS = sorted(file.stem for file in (Path(__file__).parent / "programs").glob("*.py"))
CANARY = "Pa55-canary"
STACK = """\
config:
  azure-native:location: westeurope
  aml:cloud: local
  shop:name: {name}
  shop:step: "{step}"
  shop:asked: {canary}-asked
  shop:subscription: {subscription}
"""


class Deployment:
    """One program under one name: what both doors are to leave behind is under that name."""

    def __init__(self, project, program, name):
        self.project, self.name = project, name
        source = Path(__file__).parent / "programs" / f"{program}.py"
        main = project.root / "program"
        main.mkdir(exist_ok=True)
        (main / "__main__.py").write_bytes(source.read_bytes())

    def at(self, step):
        text = STACK.format(name=self.name, step=step, canary=CANARY, subscription=SUBSCRIPTION)
        file = self.project.stack_file()
        salt = [
            line
            for line in file.read_text(encoding="utf-8").splitlines(keepends=True)
            if line.startswith("encryptionsalt:")
        ]
        file.write_text("".join([*salt, text]), encoding="utf-8")

    def exchanged(self, first, second, *, refreshes=True):
        """Return what state says after each step; nothing is left to do through any door."""
        self.at(1)
        first.up()
        made = portrait(self.name)
        assert second.changes() == {}
        self.at(2)
        second.up()
        changed = portrait(self.name)
        assert first.changes() == {}
        if refreshes:
            second.refresh()
            assert first.changes() == {}
            assert portrait(self.name).keys() == changed.keys()
        assert CANARY not in self.project.state_file().read_text(encoding="utf-8")
        first.destroy()
        assert portrait(self.name) == {}
        return made, changed


def one_way(project, program, door):
    """Deploy through ``door``, continue with `aml`; compare with what `aml` alone deploys."""
    aml = Aml(project)
    alone = Deployment(project, program, f"{project.name}a")
    alone.at(1)
    aml.up()
    wanted = portrait(alone.name)
    aml.unprotect()
    aml.destroy()
    mixed = Deployment(project, program, f"{project.name}b")
    made, _ = mixed.exchanged(door, aml, refreshes=False)
    assert_same(wanted, made)


def both_ways(project, program, door):
    """Deploy through either door, and continue through the other; compare what both leave."""
    aml = Aml(project)
    forth = Deployment(project, program, f"{project.name}a").exchanged(aml, door)
    back = Deployment(project, program, f"{project.name}b").exchanged(door, aml)
    for one, other in zip(forth, back, strict=True):
        assert_same(one, other)


@pytest.fixture
def own(project):
    """Return a project that runs a program of its own."""
    text = (project.root / "Pulumi.yaml").read_text(encoding="utf-8")
    (project.root / "Pulumi.yaml").write_text(text.replace("main: infra", "main: program"))
    return project


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_one_deploys_the_other_continues(own, program):
    one_way(own, program, StandIn())


@pytest.mark.needs_pulumi
@pytest.mark.timeout(900)
@pytest.mark.parametrize("program", PROGRAMS)
def test_what_aml_deploys_the_pulumi_cli_continues(own, tmp_path, program):
    both_ways(own, program, Cli(own, tmp_path / "pulumi-home"))
