"""A stage without sound, for supervision: warm, then assigned, then it answers on its control socket."""

import asyncio
import os
import sys
from pathlib import Path

from hiwar.relay.control import ControlPeer, ControlServer
from hiwar.relay.directory import Directory
from hiwar.relay.messages import Ask, Assign, ControlMessage, Done, Notice
from hiwar.relay.records import Phase, Room, Standing


async def main() -> None:
    directory = Directory(Path(os.environ["HIWAR_DATA_DIR"]), Path(os.environ["HIWAR_RUNTIME_DIR"]))
    assigned: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def answer(message: ControlMessage, peer: ControlPeer) -> ControlMessage:
        if isinstance(message, Assign):
            directory.stage_pid_file(message.specification.id).write_text(str(os.getpid()))
            if directory.read_standing(message.specification.id).phase is Phase.ANNOUNCED:
                directory.write_standing(message.specification.id, Standing(phase=Phase.GREEN_ROOM))
            assigned.set_result(message.specification.id)
        if isinstance(message, Ask):
            phase = directory.read_standing(assigned.result()).phase
            return Notice(
                room=Room(conversation=assigned.result(), title="", phase=phase, incarnation=os.getpid())
            )
        return Done()

    async with asyncio.TaskGroup() as tasks:
        spare = directory.runtime / f"spare-{os.getpid()}.control"
        waiting = tasks.create_task(ControlServer(answer).serve(spare))
        conversation = await assigned
        tasks.create_task(ControlServer(answer).serve(directory.control_socket(conversation)))
        await asyncio.sleep(0.05)
        waiting.cancel()


if "refuse" in sys.argv:
    sys.exit(3)
asyncio.run(main())
