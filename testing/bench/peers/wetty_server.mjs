// A wetty server on a free port, with the same shell as the other peers. Prints its address.

import { once } from "node:events";
import { start } from "wetty";

// wetty starts a local shell only for root; for other users it connects to sshd.
process.getuid = () => 0;

const server = { base: "/", host: "127.0.0.1", port: 0, title: "wetty", allowIframe: false, socket: false };
const io = await start(undefined, server, "/bin/bash --norc --noprofile");
// Clients answer no pings while they are not measured, so the interval is an hour.
io.engine.opts.pingInterval = 3_600_000;
if (!io.httpServer.listening) await once(io.httpServer, "listening");
console.log(`listening on ${io.httpServer.address().port}`);
// Ends with its parent process.
process.stdin.on("end", () => process.exit()).resume();
