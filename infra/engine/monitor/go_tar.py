"""Headers of a tar stream, byte for byte as Go's archive/tar writes them. Pure."""

import posixpath
from typing import Final

CHUNK: Final = 1 << 20
_BLOCK: Final = 512
END: Final = bytes(2 * _BLOCK)
_NAME: Final = 100
_PREFIX: Final = 155
_LARGEST: Final = 8**11 - 1
_MODE: Final = 0o600


def header(name: str, size: int) -> bytes:
    """Return what precedes the content of a file: one block, or three where the name needs it."""
    split = _split(name)
    records = {}
    if split is None:
        records["path"] = name
    if size > _LARGEST:
        records["size"] = str(size)
    if not records:
        prefix, last = split or ("", name)
        return _block(last.encode(), size, prefix=prefix.encode())
    data = b"".join(_record(key, records[key]) for key in sorted(records))
    folder, _, last = name.rpartition("/")
    extended = _ascii(posixpath.join(folder, "PaxHeaders.0", last))[:_NAME].rstrip(b"/")
    return b"".join(
        (
            _block(extended, len(data), kind=b"x", mode=0, devices=False),
            data,
            padding(len(data)),
            _block(_ascii(name), 0 if size > _LARGEST else size),
        )
    )


def padding(size: int) -> bytes:
    """Return what fills the last block of a content."""
    return bytes(-size % _BLOCK)


def _split(name: str) -> tuple[str, str] | None:
    """Return the prefix and the name of a plain header; ``None`` if it cannot hold the name."""
    if not name.isascii():
        return None
    if len(name) <= _NAME:
        return "", name
    prefix = name[: _PREFIX + 1].rpartition("/")[0]
    rest = name[len(prefix) + 1 :]
    return (prefix, rest) if prefix and len(rest) <= _NAME else None


def _record(key: str, value: str) -> bytes:
    body = f" {key}={value}\n".encode()
    length = len(body)
    while length != len(body) + len(str(length)):
        length = len(body) + len(str(length))
    return str(length).encode() + body


def _ascii(name: str) -> bytes:
    return bytes(ord(each) for each in name if each.isascii() and each != "\0")


def _block(
    name: bytes,
    size: int,
    *,
    prefix: bytes = b"",
    kind: bytes = b"0",
    mode: int = _MODE,
    devices: bool = True,
) -> bytes:
    device = b"0000000\0" if devices else bytes(8)
    fields = (
        name[:_NAME].ljust(_NAME, b"\0"),
        b"%07o\0" % mode,
        b"0000000\0",  # user
        b"0000000\0",  # group
        b"%011o\0" % size,
        b"00000000000\0",  # time
        b" " * 8,  # the checksum counts as blanks
        kind,
        bytes(_NAME),  # link
        b"ustar\0" + b"00",
        bytes(64),  # names of user and group
        device * 2,
        prefix.ljust(_PREFIX, b"\0"),
        bytes(12),
    )
    block = b"".join(fields)
    checksum = b"%06o\0 " % sum(block)
    return block[:148] + checksum + block[156:]
