import type { FoldDeps } from '../../platform/fold-worker.ts'
import type { RecordCodec } from '../../platform/record-codec.ts'
import { StateFile, type StateIdentity } from '../../platform/state-file.ts'
import type { StateFiles } from '../../platform/state-files.ts'
import type { FakeChangelog } from './fake-changelog.ts'

/** State in files that nobody else can open and that no folder has. */
const statesInMemory: StateFiles = {
  open: (identity) => Promise.resolve(fileInMemory(identity)),
}

export function fileInMemory(identity: StateIdentity): StateFile {
  return StateFile.open(':memory:', identity, { kind: 'scratch' })
}

/** What a fold needs, on a changelog in memory and without a disk. */
export function foldDeps(codec: RecordCodec, log: FakeChangelog): FoldDeps {
  return {
    codec,
    watermarks: log.watermarks,
    openReader: log.openReader,
    changelogFacts: () => Promise.resolve({ topicId: 'a topic', tombstonesKeptMs: 86_400_000 }),
    states: statesInMemory,
    nowMs: () => 0,
    onRestored: () => undefined,
  }
}
