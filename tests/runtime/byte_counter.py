"""A relay in front of a server that counts what clients send to it, as bytes on the wire."""

import socket
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit


@dataclass
class Counter:
    """Counts the bytes that were sent to the server; ``url`` leads to it through the relay."""

    host: str
    port: int
    sent: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def url(self, url):
        return urlunsplit(urlsplit(url)._replace(netloc=f"{self.host}:{self.port}"))

    def add(self, count):
        with self.lock:
            self.sent += count


@contextmanager
def counting(url):
    """Yield the counter of a relay to the server at ``url``."""
    place = urlsplit(url)
    listener = socket.create_server(("127.0.0.1", 0))
    counter = Counter(*listener.getsockname())

    def accept():
        with suppress(OSError):  # closed at the end
            while True:
                client, _ = listener.accept()
                server = socket.create_connection((place.hostname, place.port))
                for ends in ((client, server, counter.add), (server, client, lambda _: None)):
                    threading.Thread(target=relay, args=ends, daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    yield counter
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def relay(source, sink, count):
    with suppress(OSError), source, sink:
        sink.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while chunk := source.recv(1 << 16):
            count(len(chunk))
            sink.sendall(chunk)
        sink.shutdown(socket.SHUT_WR)
