"""A program of one's own with a dynamic provider, which is a plugin that Pulumi's SDK has."""

import pytest

from tests.localcloud.harness import alive, waited

PROGRAM = """\
import pulumi
from pulumi.dynamic import CreateResult, Resource, ResourceProvider, UpdateResult
import words

class Shouting(ResourceProvider):
    def create(self, props):
        return CreateResult(f"id-{props['word']}", self.outputs(props))

    def update(self, id, olds, news):
        return UpdateResult(self.outputs(news))

    def outputs(self, props):
        return {**props, "loud": words.loud(props["word"])}

class Shout(Resource):
    loud: pulumi.Output[str]

    def __init__(self, name, word, password):
        super().__init__(Shouting(), name, {"loud": None, "word": word, "password": password})

shout = Shout("one", pulumi.Config().get("word") or "ada", pulumi.Output.secret("Pa55-canary"))
pulumi.export("loud", shout.loud)
"""


@pytest.fixture
def dynamic(project):
    """Return a project whose program makes a resource of a provider of its own."""
    (project.root / "Pulumi.yaml").write_text(
        "name: shop\nruntime: python\nmain: program\nstackConfigDir: stacks\n"
    )
    project.stack_file().write_text("config:\n  aml:cloud: local\n")
    program = project.root / "program"
    program.mkdir()
    (program / "__main__.py").write_text(PROGRAM)
    (program / "words.py").write_text("def loud(text):\n    return text.upper()\n")
    return project


def test_a_dynamic_provider_deploys_and_its_secrets_stay_secret(dynamic):
    assert "2 created" in dynamic.good("up", "--yes").err
    dynamic.good("up", "--expect-no-changes")
    assert dynamic.good("outputs", "--json").data["loud"] == "ADA"
    dynamic.good("config", "set", "shop:word", "bob")
    assert "1 updated" in dynamic.good("up", "--yes").err
    for file in (dynamic.home / "state").rglob("*.json"):
        assert "Pa55-canary" not in file.read_text(encoding="utf-8")
    dynamic.good("refresh", "--yes")
    assert "2 deleted" in dynamic.good("destroy", "--yes").err


def test_a_file_whose_content_changed_is_an_update(dynamic):
    program = dynamic.root / "program"
    (program / "data.txt").write_text("one")
    text = PROGRAM.replace('"word": word,', '"word": word, "file": pulumi.FileAsset("data.txt"),')
    (program / "__main__.py").write_text(text)
    dynamic.good("up", "--yes")
    dynamic.good("up", "--expect-no-changes")
    (program / "data.txt").write_text("two")
    assert "1 updated" in dynamic.good("up", "--yes").err
    dynamic.good("up", "--expect-no-changes")
    (program / "data.txt").unlink()
    refused = dynamic.aml("preview")
    assert refused.code == 1
    assert (
        f"The asset at 'file' cannot be read: No such file or directory: {program}" in refused.err
    )


def test_a_plugin_ends_when_the_command_is_killed(dynamic):
    helper = dynamic.root / "program/words.py"
    helper.write_text(
        "import os, time\nfrom pathlib import Path\n\n"
        f"def loud(text):\n    Path({str(dynamic.root / 'pid')!r}).write_text(str(os.getpid()))\n"
        "    time.sleep(100)\n"
    )
    process = dynamic.start("up", "--yes")
    noted = dynamic.root / "pid"
    pid = int(waited(lambda: noted.is_file() and noted.read_text(), seconds=120))
    process.kill()
    process.communicate()
    waited(lambda: not alive(pid))
    helper.write_text("def loud(text):\n    return text.upper()\n")
    unknown = "cannot find out whether it was created"
    (remark,) = dynamic.good("preview", "--json").data["warnings"]
    assert unknown in remark
    assert dynamic.good("up", "--yes").err.count(unknown) == 1
    # What the killed run may have made is still to be decided.
    assert unknown in dynamic.good("up", "--yes").err
    said = dynamic.good("refresh", "--clear-pending", "--yes").err
    assert said.count("Forgot that 'one' was creating") == 1
    assert unknown not in dynamic.good("up", "--yes").err


def test_hooks_of_deletions_run_with_the_program(dynamic):
    program = dynamic.root / "program/__main__.py"
    hook = 'pulumi.ResourceHook("bye", lambda args: pulumi.log.info(f"bye {args.name}"))'
    text = PROGRAM.replace(
        '"password": password})',
        '"password": password}, pulumi.ResourceOptions('
        f"hooks=pulumi.ResourceHookBinding(before_delete=[{hook}])))",
    )
    program.write_text(text)
    dynamic.good("up", "--yes")
    refused = dynamic.aml("destroy", "--yes")
    assert refused.code != 0
    assert "Run `aml destroy --run-program" in refused.err
    said = dynamic.good("destroy", "--yes", "--run-program")
    assert "bye one" in said.err
    assert "2 deleted" in said.err
