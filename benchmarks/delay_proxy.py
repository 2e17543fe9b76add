"""A proxy that answers as a machine elsewhere does: everything arrives a while later."""

import asyncio
import threading
import time


async def _delayed(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_s: float
) -> None:
    """Pass on what comes, a while later."""
    waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def pass_on() -> None:
        while True:
            due, content = await waiting.get()
            await asyncio.sleep(due - time.monotonic())
            if not content:
                writer.close()
                return
            writer.write(content)

    passing = asyncio.create_task(pass_on())
    content = b"."
    while content:
        content = await reader.read(1 << 18)
        waiting.put_nowait((time.monotonic() + delay_s, content))
    await passing


def proxy(port: int, delay_s: float) -> int:
    """Start a proxy before a port of this machine; return its own port.

    ``delay_s`` is that of each direction: half a round trip.
    """
    ready: list[int] = []
    started = threading.Event()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, outer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(_delayed(reader, outer, delay_s), _delayed(inner, writer, delay_s))

    async def serve() -> None:
        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        ready.append(server.sockets[0].getsockname()[1])
        started.set()
        await server.serve_forever()

    threading.Thread(target=lambda: asyncio.run(serve()), daemon=True).start()
    started.wait()
    return ready[0]
