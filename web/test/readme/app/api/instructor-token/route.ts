/**
 * The README's example of a route that hands out an instructor's tokens.
 */

import { SignJWT } from "jose";
import { currentUser } from "@/auth"; // yours

export async function GET(request: Request): Promise<Response> {
  const user = await currentUser(request);
  const lab = new URL(request.url).searchParams.get("lab") ?? "";
  if (!user?.teaches(lab)) return Response.json({ error: "Not your class." }, { status: 403 });
  const secret = new TextEncoder().encode(process.env.JWT_SECRET);
  const token = await new SignJWT({ grp: lab, role: "instructor", name: user.name })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(user.id)
    .setIssuer("labs.example")
    .setAudience("termgate")
    .setIssuedAt()
    .setExpirationTime("1h")
    .sign(secret);
  return Response.json({ token }, { headers: { "cache-control": "no-store" } });
}
