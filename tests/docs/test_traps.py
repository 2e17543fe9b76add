"""Every trap of what azureml-core and its service do is a test: a table says which."""

import ast
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
TRAPS = {
    "files of today break the published schema: lenient in, strict out": (
        "definitions/test_traps.py::test_what_the_published_schema_refuses_is_read",
        "definitions/test_runconfig_writing.py::test_a_new_file_has_the_order_of_azureml_core_and_comments",
    ),
    "the key `environment` decides the dialect": (
        "definitions/test_traps.py::test_the_key_environment_decides_the_format",
    ),
    "one ignore file, at the root; `.git` is excluded by no rule of it": (
        "runtime/test_snapshots.py::test_one_ignore_file_at_the_root",
        "definitions/test_traps.py::test_the_ignore_file_excludes_git_which_no_rule_excludes_by_itself",
    ),
    "git and the SDK differ in re-including below an excluded folder": (
        "runtime/test_reinclusion.py::test_what_the_other_clients_send",
    ),
    "the limit of files counts what is sent, that of bytes everything": (
        "runtime/test_snapshots.py::test_only_changed_files_are_counted",
        "runtime/test_snapshots.py::test_a_tree_that_is_too_big_names_its_largest_files",
    ),
    "an unchanged tree keeps its snapshot's id": (
        "runtime/test_snapshots.py::test_an_unchanged_tree_is_the_same_snapshot",
    ),
    "name and version of an environment are no part of its identity": (
        "runtime/test_environment_lock.py::test_name_source_and_variables_are_not_part_of_the_identity",
    ),
    "`randint` excludes its bound, `loguniform` takes logarithms": (
        "sweeps/test_rules.py::test_randint_excludes_its_bound",
        "sweeps/test_rules.py::test_loguniform_has_logarithms_as_bounds",
    ),
    "intervals of a policy count logged metrics": (
        "sweeps/test_rules.py::test_a_policy_applies_at_multiples_of_its_interval_from_its_delay_on",
        "sweeps/test_rules.py::test_a_run_that_logs_once_is_never_cut_when_the_interval_is_longer",
    ),
    "grid varies the first parameter fastest, random sorts arguments by name": (
        "sweeps/test_rules.py::test_grid_varies_the_first_declared_parameter_fastest",
        "sweeps/test_rules.py::test_random_sorts_arguments_by_name_and_grid_keeps_their_order",
    ),
    "bayesian sampling: no policy, three expressions": (
        "sweeps/test_rules.py::test_bayesian_takes_no_policy",
        "sweeps/test_rules.py::test_bayesian_takes_choice_uniform_and_quniform",
    ),
    "a bandit's factor with negative metrics": (
        "sweeps/test_rules.py::test_a_factor_never_stops_the_best_run_of_negative_values",
    ),
    "failed children leave the parent completed": (
        "sweeps/test_driver.py::test_failed_children_do_not_fail_the_parent_and_are_noted",
    ),
    "the best run is by the best value ever logged": (
        "sweeps/test_rules.py::test_the_best_run_is_by_the_best_value_ever_and_zero_is_one",
        "sweeps/test_driver.py::test_the_best_child_is_by_the_best_value_ever_logged",
    ),
    "when the time of a sweep is up, its children are canceled": (
        "sweeps/test_driver.py::test_when_the_time_is_up_running_children_are_canceled_and_none_follow",
    ),
    "what follows the script is the script's; `-t` refuses an existing file": (
        "cli/test_az_runs.py::test_everything_after_the_script_is_passed_to_it",
        "cli/test_az_runs.py::test_the_result_is_written_to_a_new_file",
    ),
    "`condaDependenciesFile` is relative to the project": (
        "definitions/test_traps.py::test_a_conda_file_is_relative_to_the_project",
    ),
    "the text `None` is a communicator": (
        "definitions/test_traps.py::test_none_is_a_communicator",
    ),
    "`OMPI_COMM_WORLD_NODE_RANK` is not the rank of the node": (
        "runtime/test_ranks.py::test_a_launcher_says_which_process_this_is",
    ),
    "Ctrl-C ends the watch, not the run": (
        "cli/test_submit.py::test_interrupting_the_watch_leaves_the_run_alone",
    ),
    "a preempted job starts again from the beginning": (
        "localcloud/test_nodes_recovery.py::test_a_preempted_job_starts_again_from_the_beginning",
        "runtime/test_history.py::test_a_preempted_run_starts_over",
    ),
    "estimators refuse HDInsight, sweeps refuse clusters made for one run": (
        "runtime/api/test_estimator.py::test_hdinsight_is_refused",
        "runtime/test_run_clusters.py::test_a_sweep_is_refused",
    ),
    "properties are immutable, tags are not": (
        "api/test_runs.py::test_tags_change_and_properties_do_not",
        "runtime/test_history.py::test_a_property_keeps_its_first_value",
    ),
    "what reuse of a step is decided by": (
        "pipelines/test_sdk_pipelines.py::test_reuse_is_by_definition_source_environment_and_what_the_inputs_hold",
    ),
    "passwords in files are handles, and no message shows one": (
        "definitions/test_traps.py::test_no_message_shows_a_password",
        "definitions/test_traps.py::test_a_password_of_a_compute_file_is_not_kept",
    ),
}


@pytest.mark.parametrize("test", [test for tests in TRAPS.values() for test in tests])
def test_a_trap_is_tested(test):
    file, _, name = test.partition("::")
    assert name in functions(file)


@cache
def functions(file):
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
