"""Environment declarations as documents: read back whole, shown without secrets."""

import json
from dataclasses import asdict, replace

from runtime.environments.specs import environment_of, without_secrets
from runtime.model.environments import (
    EnvironmentSpec,
    ImageSpec,
    MavenPackage,
    Registry,
    SparkPackages,
)
from runtime.targets.run_folder import RunFolder, Task, passed_task, read_task, write_task

SPEC = EnvironmentSpec(
    "conda",
    conda="dependencies: [numpy, {pip: ['--index-url https://u:planted-index@example.org/']}]",
    variables={"TOKEN": "planted-variable"},
    image=ImageSpec(
        dockerfile="FROM base\nRUN curl https://u:planted-image@example.org/x",
        registry=Registry("example.azurecr.io", "me", "planted-registry"),
    ),
    spark=SparkPackages(("https://example.org",), (MavenPackage("g", "a", "1.0"),)),
)


def test_a_declaration_is_read_back_from_json():
    assert environment_of(json.loads(json.dumps(asdict(SPEC)))) == SPEC


def test_a_declaration_without_image_and_spark_is_read_back():
    plain = replace(SPEC, image=None, spark=None)
    assert environment_of(json.loads(json.dumps(asdict(plain)))) == plain


def test_what_is_shown_has_no_secret():
    text = json.dumps(asdict(without_secrets(SPEC)))
    assert "planted" not in text
    assert "example.azurecr.io" in text


def test_a_task_is_passed_whole_and_written_without_secrets(tmp_path):
    folder = RunFolder(tmp_path)
    task = Task("r", "e", ("train.py",), {}, "s", "snapshots", "environments", "python", SPEC, 1)
    with passed_task(folder, task) as passed:
        assert read_task(passed).environment == SPEC
    write_task(folder, task)
    assert "planted" not in folder.task_file.read_text()
