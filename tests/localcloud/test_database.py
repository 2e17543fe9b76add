"""The database: one writer at a time, readers that never wait, pooled connections."""

import threading

import pytest

from localcloud.store.database import Database


@pytest.fixture
def database(tmp_path):
    database = Database(tmp_path / "cloud.db")
    database.define("create table if not exists thing (name text)")
    yield database
    database.close()


def add(database, name):
    with database.write() as connection:
        connection.execute("insert into thing values (?)", (name,))


def names(database):
    return [row["name"] for row in database.rows("select name from thing order by name")]


def in_a_thread(work):
    found = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join(10)
    return found[0]


def test_a_transaction_is_all_or_nothing(database) -> None:
    def fails():
        with database.write():
            add(database, "a")
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fails()
    assert names(database) == []


def test_a_writer_sees_what_it_wrote_and_others_do_not(database) -> None:
    with database.write():
        add(database, "a")
        assert names(database) == ["a"]
        assert in_a_thread(lambda: names(database)) == []
    assert in_a_thread(lambda: names(database)) == ["a"]


def test_short_lived_threads_share_connections(database) -> None:
    for number in range(20):
        in_a_thread(lambda number=number: add(database, str(number)))
    assert len(names(database)) == 20
    assert len(database._idle) == 1


def test_many_writers_lose_nothing(database) -> None:
    threads = [threading.Thread(target=add, args=(database, str(n))) for n in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(names(database)) == 30
