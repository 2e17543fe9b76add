"""The keys of a pipeline of azureml-core's CLI."""

from typing import Final

from runtime.definitions.keys import Key

_READ: Final = "Read."


def _rows(paths: str, forms: str = "any", *, below: str, free: bool = False) -> tuple[Key, ...]:
    start = f"{below}." if below else ""
    return tuple(Key(f"{start}{path}", forms, _READ, free=free) for path in paths.split())


_STEP: Final = "pipeline.steps.*"
PARALLEL: Final = "parallel_run_config"
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
    *_rows("parameters inputs side_inputs outputs", "map", below=_STEP),
    *_rows("*", "any", below=f"{_STEP}.parameters", free=True),
    *_rows("*", "map", below=f"{_STEP}.inputs"),
    *_rows("source bind_mode path_on_compute overwrite", below=f"{_STEP}.inputs.*"),
    *_rows("*", "map", below=f"{_STEP}.side_inputs"),
    *_rows("source bind_mode path_on_compute overwrite", below=f"{_STEP}.side_inputs.*"),
    *_rows("*", "map", below=f"{_STEP}.outputs"),
    *_rows(
        "destination datastore type bind_mode path_on_compute overwrite", below=f"{_STEP}.outputs.*"
    ),
    *_rows(PARALLEL, "text|map", below=_STEP, free=True),
    *_rows("source_data_reference destination_data_reference", "text|map", below=_STEP),
    *_rows("source_data_reference.* destination_data_reference.*", "map", below=_STEP, free=True),
    *_rows("adla_compute_name", "text", below=_STEP),
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
PARALLEL_KEYS: Final = (
    *_rows(PARALLEL, "map", below=""),
    *_rows(
        "entry_script source_directory compute_target_name environment_name output_action"
        " append_row_file_name logging_level description",
        "text",
        below=PARALLEL,
    ),
    *_rows(
        "error_threshold node_count process_count_per_node run_invocation_timeout run_max_try"
        " allowed_failed_count",
        "whole number",
        below=PARALLEL,
    ),
    *_rows("mini_batch_size", "text", below=PARALLEL),
    *_rows("allowed_failed_percent", "number", below=PARALLEL),
    *_rows("partition_keys", "list", below=PARALLEL),
    *_rows("environment", "map|text", below=PARALLEL, free=True),
    *_rows("environment_variables", "map", below=PARALLEL, free=True),
)
"""The keys of a parallel run configuration."""
