"""Every key of a command job of CLI v2, and what becomes of it.

The keys of the preview of 2021 are rows too: they are refused, with the key that replaced them.
"""

from typing import Final

from runtime.definitions.keys import Key, Meaning

_NO: Final = Meaning.NO_EFFECT
_REFUSED: Final = Meaning.REFUSED
_OLD: Final = Meaning.REPLACED
_SERVERLESS: Final = "It chooses serverless nodes; a target has its own."
_WRITTEN: Final = "The service writes it; `aml job show` prints it."
_LITERAL: Final = "Describes a literal input; its value is checked against it."

ENVIRONMENT_KEYS: Final = (
    Key("name", "text", "The environment's name, for people."),
    Key("version", "text", "The environment's version, for people."),
    Key("image", "text", "The image that runs, or that the conda file is installed into."),
    Key("conda_file", "text|map", "The packages: a conda file, or what would be in it.", free=True),
    Key("build", "map", "The image is built from a Dockerfile."),
    Key("build.path", "text", "The folder with the Dockerfile."),
    Key("build.dockerfile_path", "text", "The Dockerfile in it. Default: `Dockerfile`."),
    Key("environment_variables", "map", "Variables of the script.", free=True),
    Key("description", "text", "An anonymous environment has no page to show it.", _NO),
    Key("tags", "map", "An anonymous environment has no page to show them.", _NO),
    Key("properties", "map", "An anonymous environment has no page to show them.", _NO),
    Key("os_type", "text", "Runs execute on Linux.", _NO),
    Key("inference_config", "map", "It is for deployments.", _NO),
    Key("$schema", "text", "Names the schema for editors.", _NO),
    Key("docker", "map", "Write `image: IMAGE` in place of `docker: {image: IMAGE}`.", _OLD),
    Key("path", "text", "Write `build: {path: FOLDER}`.", _OLD),
    Key("conda", "map", "Write `conda_file: FILE`.", _REFUSED),
)  # fmt: skip
"""The keys of an environment, inline or in a file of its own."""

INPUT_KEYS: Final = (
    Key("type", "text", "uri_file, uri_folder, mltable, a model, or the type of a literal."),
    Key("path", "text", "Where the data is: a local path, a URL, a datastore, an asset."),
    Key("mode", "text", "How the script gets at it: ro_mount, download or direct."),
    Key("path_on_compute", "text", "Where it is put: from the working folder, or absolute."),
    Key("default", "text", "The value of a literal."),
    Key("value", "text", "The value of a literal."),
    Key("optional", "true or false", "Without a value, it is left out of `$[[ … ]]`."),
    Key("min", "number", _LITERAL),
    Key("max", "number", _LITERAL),
    Key("enum", "list", _LITERAL),
    Key("description", "text", "Describes the input for people.", _NO),
    Key("data", "text", "Write `path: azureml:NAME:VERSION` in place of `data`.", _OLD),
    Key("dataset", "text", "Write `path: azureml:NAME:VERSION` in place of `dataset`.", _OLD),
    Key("file", "text", "Write `type: uri_file` and `path`.", _OLD),
    Key("folder", "text", "Write `type: uri_folder` and `path`.", _OLD),
)
OUTPUT_KEYS: Final = (
    Key("type", "text", "uri_folder, uri_file, mltable or a model."),
    Key("mode", "text", "rw_mount or upload: stored when the script ends."),
    Key("path_on_compute", "text", "Where the script writes it, before it is stored."),
    Key("path", "text", "Where it is stored: `azureml://datastores/NAME/paths/PATH`."),
    Key("name", "text", "The data asset that it is registered as."),
    Key("version", "text", "Leave it out: the next version is used.", _REFUSED),
    Key("description", "text", "Describes the output for people.", _NO),
    Key("early_available", "true or false", "Every output is stored when the script ends.", _NO),
    Key("data", "text", "Write `path: azureml://datastores/NAME/paths/PATH`.", _OLD),
)


def _below(path: str, keys: tuple[Key, ...]) -> tuple[Key, ...]:
    return tuple(Key(f"{path}.{k.path}", k.forms, k.note, k.meaning, k.free) for k in keys)


COMMAND_JOB: Final = (
    Key("$schema", "text", "Names the schema for editors; a file is recognised by it.", _NO),
    Key("type", "text", "`command`; it may be left out."),
    Key("name", "text", "The run's id. Default: made from the experiment and the time."),
    Key("display_name", "text", "The run's display name."),
    Key("experiment_name", "text", "The run's experiment. Default: `Default`."),
    Key("description", "text", "The run's description."),
    Key("tags", "map", "The run's tags."),
    Key("tags.*", "text", "A tag."),
    Key("properties", "map", "The run's properties, which are immutable."),
    Key("properties.*", "text", "A property."),
    Key("command", "text", "A line for bash, with expressions and optional groups."),
    Key("code", "text|map", "The folder that is sent, from the file's own. Without it, none is."),
    Key("code.local_path", "text", "Write `code: FOLDER` in place of `code.local_path`.", _OLD),
    Key("environment", "text|map", "`azureml:NAME@latest`, `azureml:NAME:VERSION`, a registry, or"
        " what is below."),
    *_below("environment", ENVIRONMENT_KEYS),
    Key("compute", "text|map", "The target: `azureml:NAME`, `NAME` or `local`."),
    Key("compute.target", "text", "Write `compute: azureml:NAME`.", _OLD),
    Key("compute.instance_count", "whole number", "Write `resources: {instance_count: N}`.",
        _OLD),
    Key("inputs", "map", "Literals and data, by name."),
    Key("inputs.*", "any", "A literal, or what is below."),
    *_below("inputs.*", INPUT_KEYS),
    Key("outputs", "map", "Folders that the script writes, by name."),
    Key("outputs.*", "map", "What is below; empty is a folder on the default datastore."),
    *_below("outputs.*", OUTPUT_KEYS),
    Key("environment_variables", "map", "Variables of the script, with expressions."),
    Key("environment_variables.*", "text", "A variable."),
    Key("distribution", "map", "Several processes."),
    Key("distribution.type", "text", "mpi, pytorch or tensorflow."),
    Key("distribution.process_count_per_instance", "whole number", "Processes of a node."),
    Key("distribution.worker_count", "whole number", "TensorFlow's workers."),
    Key("distribution.parameter_server_count", "whole number", "TensorFlow's parameter servers."),
    Key("distribution.process_count", "whole number",
        "Write `process_count_per_instance`.", _OLD),
    Key("resources", "map", "What the nodes give to the run."),
    Key("resources.instance_count", "whole number", "The number of nodes."),
    Key("resources.shm_size", "text", "The size of shared memory in a container: `2g`."),
    Key("resources.gpus", "whole number",
        "The GPUs that each machine must have. Azure ML's own clients do not know this key."),
    Key("resources.docker_args", "text|list", "Arguments for docker."),
    Key("resources.instance_type", "text|list", _SERVERLESS, _NO),
    Key("resources.max_instance_count", "whole number", _SERVERLESS, _NO),
    Key("resources.locations", "list", _SERVERLESS, _NO),
    Key("resources.properties", "map", _SERVERLESS, _NO, free=True),
    Key("batch", "map", "Pool, image and nodes on Azure Batch: docs/batch.md.", free=True),
    Key("databricks", "map", "Cluster, libraries and task on Databricks: docs/databricks.md.",
        free=True),
    Key("limits", "map", "The run's limits."),
    Key("limits.timeout", "whole number", "The longest duration, in seconds."),
    Key("services", "map", "Interactive services are not started.", _NO),
    Key("identity", "map", "A run acts as its compute does, or as the person who submits it.", _NO),
    Key("queue_settings", "map", _SERVERLESS, _NO),
    Key("notification_setting", "map", "No mail is sent.", _NO),
    Key("is_archived", "true or false", _WRITTEN, _NO),
    Key("status", "text", _WRITTEN, _NO),
    Key("id", "text", _WRITTEN, _NO),
    Key("creation_context", "map", _WRITTEN, _NO),
    Key("resourceGroup", "text", _WRITTEN, _NO),
    Key("parameters", "map", _WRITTEN, _NO),
    Key("component", "text|map",
        "Write the component's `command`, `code` and `environment` in the job.", _REFUSED),
    Key("schedule", "map", "Start the job when it is due: schedules cannot be made yet.", _REFUSED),
    Key("target", "text", "Write `compute: azureml:NAME`.", _REFUSED),
    Key("script", "text", "Write `command: python SCRIPT`.", _REFUSED),
    Key("arguments", "text|list", "Write the arguments in `command`.", _REFUSED),
    Key("data", "map", "Write `inputs`.", _OLD),
    Key("input_data", "map", "Write `inputs`.", _OLD),
    Key("timeout", "whole number", "Write `limits: {timeout: SECONDS}`.", _REFUSED),
    Key("timeout_minutes", "whole number", "Write `limits: {timeout: SECONDS}`.", _OLD),
    Key("max_run_duration_seconds", "whole number",
        "Write `limits: {timeout: SECONDS}`.", _OLD),
    Key("instance_count", "whole number", "Write `resources: {instance_count: N}`.", _OLD),
)  # fmt: skip
"""The keys of a command job."""
