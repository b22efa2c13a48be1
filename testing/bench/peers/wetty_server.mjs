// A wetty server on a free port, with the same shell as everyone else. Says where it listens.

import { once } from "node:events";
import { start } from "wetty";

// It gives a shell of this machine to root alone, and asks sshd for anyone else's.
process.getuid = () => 0;

const server = { base: "/", host: "127.0.0.1", port: 0, title: "wetty", allowIframe: false, socket: false };
const io = await start(undefined, server, "/bin/bash --norc --noprofile");
// A client that is not being measured answers no pings.
io.engine.opts.pingInterval = 3_600_000;
if (!io.httpServer.listening) await once(io.httpServer, "listening");
console.log(`listening on ${io.httpServer.address().port}`);
// Ends with its parent process.
process.stdin.on("end", () => process.exit()).resume();
