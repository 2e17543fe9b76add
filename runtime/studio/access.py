"""Who may use the studio: sessions begun by a one-time link, and the tokens of forms. No HTTP."""

import hashlib
import hmac
import secrets
import threading
from collections.abc import Collection
from typing import Final

_BYTES: Final = 32
_MOST_LINKS: Final = 16


class Access:
    """Links that were given out and sessions that they began. Safe to use from several threads.

    ``key`` is what asks a running studio for another link. ``hosts`` are the values of ``Host``
    that it answers, ``read_only`` refuses every form.
    """

    def __init__(self, hosts: Collection[str], *, read_only: bool = False) -> None:
        self.hosts = frozenset(host.lower() for host in hosts)
        self.read_only = read_only
        self.key = secrets.token_urlsafe(_BYTES)
        self._lock = threading.Lock()
        self._links: dict[str, None] = {}
        self._sessions: set[str] = set()

    def new_link(self) -> str:
        """Return a token that begins one session."""
        token = secrets.token_urlsafe(_BYTES)
        with self._lock:
            self._links[_digest(token)] = None
            while len(self._links) > _MOST_LINKS:  # the oldest were never opened
                del self._links[next(iter(self._links))]
        return token

    def begin(self, token: str) -> str | None:
        """Return the new session of a link, ``None`` if it was used, or was never given out."""
        session = secrets.token_urlsafe(_BYTES)
        with self._lock:
            if _digest(token) not in self._links:
                return None
            del self._links[_digest(token)]
            self._sessions.add(_digest(session))
        return session

    def knows(self, session: str) -> bool:
        """Return whether a session was begun here."""
        with self._lock:
            return _digest(session) in self._sessions

    def has_key(self, given: str) -> bool:
        """Return whether somebody who can read the studio's own file asks."""
        return hmac.compare_digest(given.encode(), self.key.encode())

    def form_token(self, session: str) -> str:
        """Return what every form of a session has to send."""
        return hmac.new(self.key.encode(), session.encode(), hashlib.sha256).hexdigest()

    def accepts(self, session: str, form_token: str) -> bool:
        """Return whether a form was made for the session."""
        return hmac.compare_digest(form_token.encode(), self.form_token(session).encode())


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
