"""Bodies that clients send either as JSON or as a multipart form."""

from collections.abc import Mapping
from email import message_from_bytes, policy

from localcloud.calls.messages import Call


def form_of(call: Call) -> Mapping[str, object]:
    """Return the fields of a body; a file of a form is ``bytes``, everything else as sent."""
    kind = call.headers.get("content-type", "")
    if not kind.lower().startswith("multipart/form-data"):
        return call.json()
    head = f"Content-Type: {kind}\r\n\r\n".encode()
    message = message_from_bytes(head + call.body, policy=policy.HTTP)
    fields: dict[str, object] = {}
    for part in message.iter_parts() if message.is_multipart() else ():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            is_file = part.get_filename() is not None
            fields[name] = content if is_file else content.decode(errors="replace")
    return fields
