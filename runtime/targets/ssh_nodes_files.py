"""Which machine of a run on several has a file, and what the file is called here. Pure.

``user_logs/std_log.txt`` of every machine but the first has another name here; of other files that
several machines have under one name, the first one's is kept.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from runtime.agent.files import files_below
from runtime.agent.ranks import Launch, placed
from runtime.targets.run_folder import USER_LOG

LOG: Final = f"work/{USER_LOG}"
AGENTS_OWN: Final = "work/logs/azureml/"
_OF_RANKS: Final = "work/user_logs/std_log_process_"
_OF_NODE: Final = re.compile(r"(?:/std_log_node_(\d+)\.txt|/aml_events_node_(\d+)\.jsonl)$")
_OF_RANK: Final = re.compile(re.escape(_OF_RANKS) + r"(\d+)\.txt$")


def log_here(node: int) -> str:
    """Return what a machine's log is called here."""
    return LOG if node == 0 else LOG.replace(".txt", f"_node_{node}.txt")


def name_here(node: int, name: str) -> str:
    """Return what a file that is followed is called here; ``""`` for one that waits for the end."""
    if node == 0 or name == LOG:
        return log_here(node) if name == LOG else name
    if name.startswith(_OF_RANKS) or name.endswith(f"/aml_events_node_{node}.jsonl"):
        return name
    return ""


def trees_of(
    node: int, trees: Mapping[str, Path], fetched: Mapping[str, int], launch: Launch
) -> dict[str, Path]:
    """Return the files of ``trees`` that a machine left, by their names there.

    ``fetched`` says which machine the files came from that were fetched; the names of the others
    tell it. The run's events are the first machine's.
    """
    nodes = {process.rank: process.node for process in placed(launch)}

    def left(name: str) -> bool:
        return fetched.get(name, _node_of(name, nodes)) == node

    found = {name: path for name, path in _files(trees) if left(name)}
    log = found.pop(log_here(node), None)
    return found if log is None else {**found, LOG: log}


def _node_of(name: str, nodes: Mapping[int, int]) -> int:
    numbered, ranked = _OF_NODE.search(name), _OF_RANK.search(name)
    if numbered:
        return int(numbered[1] or numbered[2])
    return nodes.get(int(ranked[1]), 0) if ranked else 0


def _files(trees: Mapping[str, Path]) -> Iterator[tuple[str, Path]]:
    for name, path in trees.items():
        if not path.is_dir():
            yield name, path
            continue
        for below, problem in files_below(path):
            if not problem:
                yield f"{name}/{below}", path / below
