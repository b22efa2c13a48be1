/**
 * Saves a text as a file of the person's.
 */

/** The browser asks where, or does not, as the person has set it. */
export function saveText(text: string, fileName: string): void {
  const address = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = fileName;
  link.click();
  // The browser has taken it once the click has been handled.
  setTimeout(() => URL.revokeObjectURL(address));
}
