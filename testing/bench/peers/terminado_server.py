"""A terminado server on a free port, with the same shell as the other peers. Prints its port."""

import asyncio
import sys

import tornado.web
from terminado import TermSocket, UniqueTermManager


async def main():
    terminals = UniqueTermManager(shell_command=["/bin/bash", "--norc", "--noprofile"])
    server = tornado.web.Application([("/websocket", TermSocket, {"term_manager": terminals})]).listen(0, "127.0.0.1")
    (socket,) = server._sockets.values()
    print(f"listening on {socket.getsockname()[1]}", flush=True)
    # Exits with the parent process.
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
