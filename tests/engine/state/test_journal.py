import random
import resource
import threading
from contextlib import contextmanager

import pytest

from infra.contract.errors import StateError
from infra.engine.state import journal
from infra.engine.state.disk import FileLog
from infra.engine.state.journal import Header, Journal, close_line
from infra.engine.state.snapshot import StateSnapshot

HEADER = Header("base", "run", "update", 7, "v1:s")


@pytest.fixture
def file(tmp_path):
    return tmp_path / "journal"


@pytest.fixture
def writer(file):
    return Journal(lambda: FileLog(file, durable=False), HEADER)


def read(file):
    return journal.read(file.read_bytes(), at=str(file))


def bare(record):
    return [{key: value for key, value in entry.items() if key != "c"} for entry in record.entries]


def test_what_is_written_is_read(writer, file):
    writer.write({"k": "begin", "op": 1, "text": "ü\n"})
    writer.write({"k": "ok", "op": 1})
    record = read(file)
    assert record.header == HEADER
    assert bare(record) == [
        {"s": 1, "k": "begin", "op": 1, "text": "ü\n"},
        {"s": 2, "k": "ok", "op": 1},
    ]


def test_nothing_is_written_for_entries_held_back(writer, file):
    writer.hold({"k": "same", "op": 1, "old": 0})
    assert not file.exists()
    assert not writer.begun


def test_entries_held_back_go_before_the_next_in_one_write(writer, file):
    writes = []
    log = FileLog(file, durable=False)
    log.write = writes.append
    writer = Journal(lambda: log, HEADER)
    writer.hold({"k": "same", "op": 1})
    writer.hold({"k": "same", "op": 2})
    writer.write({"k": "ok", "op": 3})
    assert len(writes) == 1
    assert [e["op"] for e in journal.read(writes[0], at="").entries] == [1, 2, 3]


def test_an_incomplete_last_line_is_skipped_wherever_it_ends(writer, file):
    writer.write({"k": "begin", "op": 1})
    whole = file.stat().st_size
    writer.write({"k": "ok", "op": 1})
    data = file.read_bytes()
    for end in range(whole, len(data)):
        record = journal.read(data[:end], at="")
        assert (len(record.entries), record.size) == (1, whole)


@pytest.mark.parametrize("data", [b"", b'{"v":1,"ba', bytes(4096)])
def test_a_journal_without_a_whole_header_is_none(data):
    assert journal.read(data, at="") is None


def test_damage_in_the_middle_is_refused(writer, file):
    for op in range(3):
        writer.write({"k": "begin", "op": op})
    data = bytearray(file.read_bytes())
    data[data.index(b'"op":1') + 5] ^= 1
    with pytest.raises(StateError, match="Line 3 of the journal is damaged") as caught:
        journal.read(bytes(data), at="dev.json.journal")
    assert caught.value.at == "dev.json.journal"


def test_a_missing_entry_is_refused(writer, file):
    for op in range(3):
        writer.write({"k": "begin", "op": op})
    lines = file.read_bytes().splitlines(keepends=True)
    with pytest.raises(StateError, match="out of order"):
        journal.read(b"".join([*lines[:2], lines[3]]), at="")


def test_a_journal_of_another_version_is_refused():
    with pytest.raises(StateError, match="version is 2"):
        journal.read(journal._line({"v": 2, "base": "b"}), at="")


def test_it_knows_which_checkpoint_it_continues_and_which_it_became(writer, file):
    writer.write({"k": "fail", "op": 1})
    writer.announce("next")
    record = read(file)
    assert record.continues("base")
    assert record.finishes("next")
    assert not record.continues("next")
    assert bare(record) == [{"s": 1, "k": "fail", "op": 1}]


def test_a_second_close_may_follow_the_first(writer, file):
    writer.write({"k": "fail", "op": 1})
    writer.announce("one")
    with file.open("ab") as sink:
        sink.write(close_line(read(file).last + 1, "two"))
    assert read(file).next == {"one", "two"}


class SlowLog(FileLog):
    """Counts flushes; each waits until it is released."""

    def __init__(self, path):
        super().__init__(path, durable=False)
        self.flushes = 0
        self.entered, self.release = threading.Event(), threading.Event()

    def sync(self):
        self.flushes += 1
        self.entered.set()
        assert self.release.wait(10)


def test_threads_that_wait_for_the_disk_share_a_flush(file):
    log = SlowLog(file)
    writer = Journal(lambda: log, HEADER)
    first = threading.Thread(target=lambda: writer.flush(writer.write({"k": "fail", "op": 0})))
    first.start()
    assert log.entered.wait(10)
    numbers = [writer.write({"k": "fail", "op": op}) for op in range(1, 9)]
    others = [threading.Thread(target=writer.flush, args=(number,)) for number in numbers]
    for thread in others:
        thread.start()
    log.release.set()
    for thread in (first, *others):
        thread.join(10)
    assert log.flushes == 2


@contextmanager
def small_files():
    """No file may grow past 64 bytes: writing fails in the middle, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, hard))
    try:
        yield
    finally:  # before anybody reports: the report may go to a file too
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_failed_write_leaves_no_bad_middle(file):
    log = FileLog(file, durable=True)
    log.write(bytes(50))
    with small_files(), pytest.raises(StateError, match="cannot be written"):
        log.write(bytes(50))
    log.write(bytes(10))
    log.sync()
    assert file.stat().st_size == 60


@pytest.mark.parametrize("seed", range(20))
def test_any_prefix_of_a_run_replays_to_what_the_run_had_then(file, seed):
    """Entries survive framing, and folding them anew gives the state folded while it ran."""
    choice = random.Random(seed)  # noqa: S311 - the same runs each time
    writer = Journal(lambda: FileLog(file, durable=False), HEADER)
    live, seen, sizes = StateSnapshot([], []), [], []
    for entry in entries_of_a_run(choice):
        live.apply(entry)
        writer.write(entry)
        seen.append((live.merged(), live.pending()))
        sizes.append(file.stat().st_size)
    data = file.read_bytes()
    for size, (merged, pending) in zip(sizes, seen, strict=True):
        again = StateSnapshot([], [])
        for entry in journal.read(data[: size + choice.randint(0, 20)], at="").entries:
            again.apply(entry)
        assert (again.merged(), again.pending()) == (merged, pending)


def entries_of_a_run(choice):
    alive, begun = [], []
    for op in range(30):
        match choice.choice(["begin", "ok", "ok", "fail", "same", "out", "forget"]):
            case "begin":
                begun.append(op)
                state = {"urn": f"u{op}", "type": "t"}
                yield {"k": "begin", "op": op, "kind": "creating", "state": state}
            case "ok" if begun:
                done = begun.pop(choice.randrange(len(begun)))
                gone = alive.pop() if alive and choice.random() < 0.3 else None
                marks = {"rm": [gone]} if gone is not None else {}
                yield {"k": "ok", "op": done, "state": {"urn": f"u{done}", "type": "t"}, **marks}
                alive.append(done)
            case "fail" if begun:
                yield {"k": "fail", "op": begun.pop()}
            case "same":
                yield {"k": "same", "op": op, "state": {"urn": f"s{op}", "type": "t"}}
                alive.append(op)
            case "out" if alive:
                yield {"k": "out", "op": choice.choice(alive), "outputs": {"n": op}}
            case "forget" if alive:
                yield {"k": "forget", "keys": [alive.pop()]}
