/**
 * The README's example of a route that hands out tokens.
 */

import { SignJWT } from "jose";
import { currentUser } from "@/auth"; // yours

export async function GET(request: Request): Promise<Response> {
  const user = await currentUser(request);
  if (!user) return Response.json({ error: "Sign in first." }, { status: 401 });
  const lab = new URL(request.url).searchParams.get("lab") ?? "";
  if (!user.mayEnter(lab)) return Response.json({ error: "Not your lab." }, { status: 403 });
  const sessionId = `${lab}-${user.id}`;
  // The same secret as the gateway's function has: 32 random bytes or more.
  const secret = new TextEncoder().encode(process.env.JWT_SECRET);
  const token = await new SignJWT({ sid: sessionId, role: "controller" })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(user.id)
    .setIssuer("labs.example") // what JWT_ISSUER and JWT_AUDIENCE say, where they are set
    .setAudience("termgate")
    .setIssuedAt()
    .setExpirationTime("1h")
    .sign(secret);
  return Response.json({ sessionId, token }, { headers: { "cache-control": "no-store" } });
}
