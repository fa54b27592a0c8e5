import { expect, test } from 'vitest'
import { restoreFrom } from '../../../platform/restore-from.ts'

const HOUR_MS = 3_600_000
const NOW_MS = 1_000 * HOUR_MS
const synced = (changelogOffset: number, hoursAgo: number) => ({
  changelogOffset,
  syncedAtMs: NOW_MS - hoursAgo * HOUR_MS,
})

test.each([
  { what: 'nothing is on disk', disk: null, low: 5, from: 5, because: /no state on disk/ },
  { what: 'the disk has all of it', disk: synced(100, 1), low: 5, from: 100, because: null },
  { what: 'the disk lacks a tail', disk: synced(60, 22), low: 5, from: 60, because: null },
  { what: 'the changelog begins where the disk ends', disk: synced(60, 1), low: 60, from: 60, because: null },
  { what: 'the changelog begins later', disk: synced(60, 1), low: 61, from: 61, because: /begins after/ },
  { what: 'the changelog ends sooner', disk: synced(101, 1), low: 5, from: 5, because: /ends before/ },
  { what: 'deletions of the tail may be gone', disk: synced(60, 24), low: 5, from: 5, because: /deletions/ },
  { what: 'they may be for a clock that differs', disk: synced(60, 23.1), low: 5, from: 5, because: /deletions/ },
  { what: 'the disk is old, and has all of it', disk: synced(100, 1_000), low: 5, from: 100, because: null },
])('$what: read from $from', ({ disk, low, from, because }) => {
  const end = { changelogOffset: 100, syncedAtMs: NOW_MS }
  const found = restoreFrom(disk, { low, end, tombstonesKeptMs: 24 * HOUR_MS })
  expect(found.offset).toBe(from)
  if (because === null) expect(found.because).toBeNull()
  else expect(found.because).toMatch(because)
})
