"""The variable that names the run a process belongs to; a run started by a run has its own."""

OWNER = "AZUREML_PROCESS_OWNER"
