/**
 * Transfers of files, apart from their way: by HTTP or in messages.
 */

/** Largest file that the service takes and gives, in bytes. */
export const MAX_FILE_BYTES = 256 * 1024 * 1024;

/** Why a file did not pass, as a sentence for a person. */
export class TransferError extends Error {
  override name = "TransferError";
}

/** Receives a part from 0 to 1; undefined if the size is not known. */
export type Progress = (part: number | undefined) => void;

/** Where a file goes: by default to the directory of the shell. */
export interface Place {
  directory?: string;
  /** Directories below that, which are made where they are missing: `a/b`. */
  folder?: string;
}

/** A file in the session. */
export interface StoredFile {
  name: string;
  directory: string;
}

/** A file of the session, or a directory of it as an archive. */
export interface TakenFile {
  content: Blob;
  isArchive: boolean;
}
