/**
 * Downloads what the page has as a file.
 */

export function saveText(text: string, fileName: string): void {
  saveBlob(new Blob([text], { type: "text/plain;charset=utf-8" }), fileName);
}

export function saveBlob(content: Blob, fileName: string): void {
  const address = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = address;
  link.download = fileName;
  link.click();
  // The download has started once the click has been handled.
  setTimeout(() => URL.revokeObjectURL(address));
}
