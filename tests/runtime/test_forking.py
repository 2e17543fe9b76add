"""A forked process has nothing of the threads of its parent, not even their locks."""

import sys
from pathlib import Path

import pytest

from tests import processes

# A library's cleanup of a thread, such as OpenSSL's, which here takes its time. The child says how
# many threads its parent has.
FORKS = """
import ctypes, os, sys, threading
from pathlib import Path
from runtime.targets.forking import ForkedProcess

libc, key = ctypes.CDLL(None), ctypes.c_uint()
libc.pthread_key_create(ctypes.byref(key), libc.usleep)
late = lambda: libc.pthread_setspecific(key, ctypes.c_void_p(2_000_000))
thread = threading.Thread(target=late)
thread.start()
thread.join()
threads = Path(f"/proc/{os.getpid()}/task")
child = ForkedProcess(lambda: len(list(threads.iterdir())), Path(sys.argv[1]), os.environ)
sys.exit(child.wait())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc says which threads there are")
def test_a_thread_that_was_joined_is_gone_before_the_fork(tmp_path):
    root = Path(__file__).parents[2]
    forks = processes.start([sys.executable, "-c", FORKS, str(tmp_path)], cwd=root)
    assert forks.wait(60) == 1
