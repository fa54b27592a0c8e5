import type { SyncPoint } from './state-store.ts'

interface ChangelogRange {
  /** First offset that is still there. */
  readonly low: number
  /** High watermark, and when it was asked for. */
  readonly end: SyncPoint
  readonly tombstonesKeptMs: number
}

/** Clocks of two machines may differ by so much. */
const CLOCK_SKEW_MS = 3_600_000

/**
 * From where a changelog is read into a state that is on disk.
 *
 * Compaction takes away only what a later record of the same key replaces, so the tail behind a position brings any
 * state of that position to the end; but for deletions, which vanish too after a time. A state that is older may keep
 * what was deleted, and is restored from the beginning.
 *
 * @param synced  Up to where the state on disk is that of the changelog; null when nothing is known of it.
 * @returns       `because` tells why not only the tail is read; null when it is.
 */
export function restoreFrom(
  synced: SyncPoint | null,
  { low, end, tombstonesKeptMs }: ChangelogRange,
): { offset: number; because: string | null } {
  const fromTheBeginning = (because: string) => ({ offset: low, because })
  if (synced === null) return fromTheBeginning('no state on disk')
  const { changelogOffset } = synced
  if (changelogOffset > end.changelogOffset) return fromTheBeginning('the changelog ends before the state on disk')
  if (changelogOffset < low) return fromTheBeginning('the changelog begins after the state on disk')
  const ageMs = end.syncedAtMs - synced.syncedAtMs + CLOCK_SKEW_MS
  if (changelogOffset < end.changelogOffset && ageMs > tombstonesKeptMs)
    return fromTheBeginning('the state on disk is so old that deletions may be gone from the changelog')
  return { offset: changelogOffset, because: null }
}
