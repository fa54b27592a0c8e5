import type { StateIdentity, StatePosition } from './state-file.ts'

/** Whose state a snapshot is. */
export interface SnapshotSource {
  readonly processor: string
  /** The topic that was folded. */
  readonly topic: string
  /** Of that topic: one that was deleted and made again has another. */
  readonly topicId: string
  readonly partition: number
}

/** What is known of a copy of a fold's state without opening it. */
export interface SnapshotFacts extends SnapshotSource {
  /** Fingerprint of the code that folded it. */
  readonly code: string
  readonly state: StateIdentity
  /** `appliedOffset` is the first input offset that is not in it. */
  readonly position: StatePosition & { readonly appliedOffset: number }
}

/** Bytes of a copy, wherever they are. */
export interface SnapshotBytes {
  readonly sizeBytes: number
  /** Bytes from `start` up to `end`, exclusive. */
  read(start: number, end: number): Promise<Uint8Array>
}

/** A snapshot that is kept. */
export interface KeptSnapshot extends SnapshotFacts {
  /** For people, and for {@link SnapshotStore.fetch}. */
  readonly name: string
}

/** Where snapshots are kept. Throws SpoilerError SPL_S3_UNAVAILABLE, SPL_S3_REFUSED. */
export interface SnapshotStore {
  put(facts: SnapshotFacts, bytes: SnapshotBytes): Promise<void>
  /** All of a source, newest first. */
  list(source: SnapshotSource): Promise<KeptSnapshot[]>
  /** Writes the copy to a file that is not there yet. @throws SpoilerError SPL_SNAPSHOT_UNUSABLE when it is damaged. */
  fetch(snapshot: KeptSnapshot, path: string): Promise<void>
}
