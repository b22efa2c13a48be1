/**
 * Stands for how a platform knows who asks: the examples of the README import it.
 */

export interface SimulatedUser {
  id: string;
  /** As other people see it. */
  name: string;
  mayEnter(lab: string): boolean;
  teaches(lab: string): boolean;
}

/** The signed-in user; null if there is none. */
export async function currentUser(request: Request): Promise<SimulatedUser | null> {
  const id = request.headers.get("x-test-user");
  if (!id) return null;
  return { id, name: `The user ${id}`, mayEnter: (lab) => lab !== "closed", teaches: (lab) => `${lab}-ina` === id };
}
