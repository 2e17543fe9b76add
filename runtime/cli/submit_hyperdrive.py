"""`aml run submit-hyperdrive`: a script with a run configuration, swept as a HyperDrive file says.

As in azureml-core, the script and its arguments come last and replace those of the configuration.
"""

from dataclasses import replace

from infra.contract.errors import UsageError
from runtime.api.script_run_config import ScriptRunConfig
from runtime.cli.az import AzOptions
from runtime.cli.az_documents import az_run, check_named
from runtime.cli.following import last_lines, raise_unless_completed
from runtime.cli.render import say
from runtime.cli.session import command_session
from runtime.cli.submit import prepared_spec
from runtime.cli.submit_script import ScriptOptions, configured
from runtime.cli.watching import follow_to_end
from runtime.definitions.attached_folder import attached_experiment
from runtime.sweeps.hdconfig import find_hdconfig, read_hdconfig
from runtime.sweeps.project import submit_sweep

_EXPERIMENT = "Default"


def submit_hyperdrive(
    given: ScriptOptions, name: str, az: AzOptions, *, native: bool | None
) -> None:
    """Start the sweep, follow it to its end unless ``detached``, and print it as JSON.

    ``name`` is that of the HyperDrive file. Both files are looked for below ``az.path``.
    """
    if given.configuration is None:
        raise UsageError(
            "A sweep needs a run configuration.",
            remedy="Name it with `-c`; `aml folder attach` writes some.",
        )
    session = command_session(None)
    check_named(az, session)
    file = find_hdconfig(name, az.path)
    sweep = read_hdconfig(file)
    config = configured(given, az.path, session)
    folder = given.source_directory or az.path
    experiment = given.experiment or attached_experiment(az.path) or _EXPERIMENT
    spec = prepared_spec(ScriptRunConfig(folder, run_config=config).spec(experiment, {}), session)
    where = {"arguments": f"run configuration {given.configuration}"}
    spec = replace(spec, origins={**where, **spec.origins})
    run_id = submit_sweep(session, sweep, spec, at=str(file), native=native, report=say)
    say(f"RunId: {run_id}")
    if not given.detached:
        follow_to_end(session, run_id, quiet=True)
    record = session.history.record(run_id)
    az.show(az_run(record))
    if not given.detached:
        raise_unless_completed(record, last_lines(record.outputs), quiet=True)
