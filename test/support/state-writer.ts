// Writes state to a file without end, until it is killed: round n puts n under every key and is applied offset n.
//   node test/support/state-writer.ts PATH
import { writeSync } from 'node:fs'
import process from 'node:process'
import { StateFile } from '../../platform/state-file.ts'
import { STATE, WRITTEN_KEYS } from './state-of-test.ts'

const file = StateFile.open(process.argv[2] as string, STATE, { kind: 'kept' })
for (let round = 1; ; round += 1) {
  const value = Buffer.from(String(round))
  const changes = WRITTEN_KEYS.map((key) => ({ store: 'users', key, value }))
  file.write(changes, { appliedOffset: round, streamTimeMs: 0, changelogOffset: round, syncedAtMs: 0 })
  writeSync(1, '.') // a round was written
}
