"""The JSON types of what callers of the Batch service send; another type is refused at once."""

from typing import Final

from infra.catalogue.body_shapes import Shape

_FILES: Final[Shape] = [
    {
        "httpUrl": "string",
        "storageContainerUrl": "string",
        "autoStorageContainerName": "string",
        "blobPrefix": "string",
        "filePath": "string",
        "fileMode": "string",
    }
]
_SETTINGS: Final[Shape] = [{"name": "string", "value": "string"}]
_LIMITS: Final[Shape] = {"maxWallClockTime": "string", "maxTaskRetryCount": "integer"}
_OUTPUTS: Final[Shape] = [
    {
        "filePattern": "string",
        "destination": {"container": {"containerUrl": "string", "path": "string"}},
        "uploadOptions": {"uploadCondition": "=tasksuccess|taskfailure|taskcompletion"},
    }
]
RESIZE: Final[Shape] = {
    "targetDedicatedNodes": "integer",
    "targetLowPriorityNodes": "integer",
    "nodeDeallocationOption": "string",
    "nodeList": ["string"],
}
POOL: Final[Shape] = {
    "id": "string",
    "displayName": "string",
    "vmSize": "string",
    "taskSlotsPerNode": "integer",
    "targetDedicatedNodes": "integer",
    "targetLowPriorityNodes": "integer",
    "resizeTimeout": "string",
    "enableInterNodeCommunication": "boolean",
    "virtualMachineConfiguration": {},
    "metadata": [{"name": "string", "value": "string"}],
}
JOB: Final[Shape] = {
    "id": "string",
    "displayName": "string",
    "priority": "integer",
    "maxParallelTasks": "integer",
    "usesTaskDependencies": "boolean",
    "constraints": _LIMITS,
    "commonEnvironmentSettings": _SETTINGS,
    "poolInfo": {
        "poolId": "string",
        "autoPoolSpecification": {
            "autoPoolIdPrefix": "string",
            "poolLifetimeOption": "string",
            "keepAlive": "boolean",
            "pool": POOL,
        },
    },
    "onAllTasksComplete": "=noaction|terminatejob",
    "onTaskFailure": "string",
    "metadata": [{"name": "string", "value": "string"}],
}
TASK: Final[Shape] = {
    "id": "string",
    "displayName": "string",
    "commandLine": "string",
    "resourceFiles": _FILES,
    "outputFiles": _OUTPUTS,
    "environmentSettings": _SETTINGS,
    "constraints": _LIMITS,
    "requiredSlots": "integer",
    "multiInstanceSettings": {
        "numberOfInstances": "integer",
        "coordinationCommandLine": "string",
        "commonResourceFiles": _FILES,
    },
    "dependsOn": {
        "taskIds": ["string"],
        "taskIdRanges": [{"start": "integer", "end": "integer"}],
    },
}
SHAPES: Final[dict[str, Shape]] = {
    "/pools": POOL,
    "/pools/{pool}": POOL,
    "/pools/{pool}/updateproperties": POOL,
    "/pools/{pool}/resize": RESIZE,
    "/pools/{pool}/removenodes": RESIZE,
    "/jobs": JOB,
    "/jobs/{job}": JOB,
    "/jobs/{job}/terminate": {"terminateReason": "string"},
    "/jobs/{job}/disable": {"disableTasks": "string"},
    "/jobs/{job}/tasks": TASK,
    "/jobs/{job}/addtaskcollection": {"value": [TASK]},
}
"""By path below the account's endpoint."""
