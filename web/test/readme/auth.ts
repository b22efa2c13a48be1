/**
 * Stands for how a platform knows who asks: the examples of the README import it.
 */

export interface SimulatedUser {
  id: string;
  mayEnter(lab: string): boolean;
}

/** The signed-in user; null if there is none. */
export async function currentUser(request: Request): Promise<SimulatedUser | null> {
  const id = request.headers.get("x-test-user");
  return id ? { id, mayEnter: (lab) => lab !== "closed" } : null;
}
