/**
 * Stands for how a platform knows who asks: the examples of the README import it.
 */

export interface SimulatedUser {
  id: string;
  mayEnter(lab: string): boolean;
}

/** Who sent the request; null when nobody is signed in. */
export async function currentUser(request: Request): Promise<SimulatedUser | null> {
  const id = request.headers.get("x-test-user");
  return id ? { id, mayEnter: (lab) => lab !== "closed" } : null;
}
