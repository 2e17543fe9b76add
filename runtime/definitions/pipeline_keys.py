"""The keys of a pipeline of azureml-core's CLI."""

from typing import Final

from runtime.definitions.keys import Key

_READ: Final = "Read."


def _rows(paths: str, forms: str = "any", *, below: str, free: bool = False) -> tuple[Key, ...]:
    start = f"{below}." if below else ""
    return tuple(Key(f"{start}{path}", forms, _READ, free=free) for path in paths.split())


_STEP: Final = "pipeline.steps.*"
KEYS: Final = (
    *_rows("pipeline", "map", below=""),
    *_rows("name description default_compute", "text", below="pipeline"),
    *_rows("parameters data_references steps", "map", below="pipeline"),
    *_rows("*", "map", below="pipeline.parameters"),
    *_rows("type default", below="pipeline.parameters.*", free=True),
    *_rows("*", "map", below="pipeline.data_references"),
    *_rows(
        "datastore path_on_datastore dataset_name bind_mode",
        "text",
        below="pipeline.data_references.*",
    ),
    *_rows("*", "map", below="pipeline.steps"),
    *_rows("type name compute script_name source_directory runconfig", "text", below=_STEP),
    *_rows("allow_reuse version hash_paths arguments", below=_STEP, free=True),
    *_rows("parameters inputs outputs", "map", below=_STEP),
    *_rows("*", "any", below=f"{_STEP}.parameters", free=True),
    *_rows("*", "map", below=f"{_STEP}.inputs"),
    *_rows("source bind_mode path_on_compute overwrite", below=f"{_STEP}.inputs.*"),
    *_rows("*", "map", below=f"{_STEP}.outputs"),
    *_rows(
        "destination datastore type bind_mode path_on_compute overwrite", below=f"{_STEP}.outputs.*"
    ),
    *_rows("parallel_run_config", "map", below=_STEP, free=True),
    *_rows("source_data_reference destination_data_reference", "text", below=_STEP),
    *_rows("source_reference_type destination_reference_type", "text", below=_STEP),
    *_rows(
        "executable pool_id create_pool vm_size vm_image_urn target_compute_nodes"
        " run_task_as_admin delete_batch_job_after_finish delete_batch_pool_after_finish"
        " is_positive_exit_code_failure",
        below=_STEP,
    ),
    *_rows(
        "python_script_name python_script_params run_name spark_version node_type num_workers"
        " min_workers max_workers existing_cluster_id timeout_seconds notebook_path"
        " python_script_path main_class_name",
        below=_STEP,
        free=True,
    ),
    *_rows("degree_of_parallelism priority runtime_version", below=_STEP),
)
"""The keys of a pipeline of azureml-core's CLI."""
