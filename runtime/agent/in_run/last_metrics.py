"""Sends what Microsoft's SDK has not sent yet when the script ends: it logs once a second."""

import atexit
import concurrent.futures.thread  # noqa: F401 - what ends it is to be registered before ours
import gc
import logging
import sys
import threading
import typing

_CLIENTS = "azureml._restclient.metrics_client"


def send_at_the_end() -> None:
    """Send the last metrics before the threads that send them are ended.

    Later than that, at ``atexit``, Python from 3.9 on starts no work in their pool.
    """
    # The standard library's own hook, which older versions do not have: there, `atexit` is early.
    register = getattr(threading, "_register_atexit", atexit.register)
    register(send_last_metrics)


def send_last_metrics() -> None:
    """Send what is waiting in the script's clients, of which each run has its own."""
    client = getattr(sys.modules.get(_CLIENTS), "MetricsClient", None)
    if client is None:
        return
    # Whoever forgot the run has left its client to a timer, so the script's objects do not do.
    for each in [found for found in gc.get_objects() if issubclass(type(found), client)]:
        _send(each)


def _send(client: typing.Any) -> None:
    try:
        client.flush()
    except Exception as error:  # noqa: BLE001 - the script has ended, whatever this raises
        logging.getLogger("azureml").warning("The last metrics could not be sent: %s", error)
