"""The socket by which scripts hear that they should end."""

import asyncio

import pytest

from builders import child_socket
from builders.child_socket import ChildSocket

EXIT = b'"Exit"\n'


async def test_all_connected_scripts_hear_exit_one_answer_is_waited_for_and_who_comes_later_hears_it_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(child_socket, "ACK_S", 60.0)
    async with asyncio.timeout(50), ChildSocket() as socket:
        scripts = [await asyncio.open_unix_connection(socket.path) for _ in range(3)]
        while len(socket.writers) < len(scripts):
            await asyncio.sleep(0)

        telling = asyncio.create_task(socket.tell_exit())
        heard = [await reader.readline() for reader, _ in scripts]
        waits = not telling.done()
        scripts[1][1].write(b'"Ack"\n')
        await telling
        late, writer = await asyncio.open_unix_connection(socket.path)
        heard_late = await late.readline()
        for each in (writer, *(writer for _, writer in scripts)):
            each.close()

    assert (heard, waits, heard_late) == ([EXIT] * 3, True, EXIT)
