// Restores the state of user-history, then folds reviews of users that it knows if asked to, and prints what that took:
// a process of its own, so that its memory is that of the fold. Started by bench/state.ts.
//   node bench/restore-once.ts SETTINGS RECORDS USERS
import process from 'node:process'
import { pino } from 'pino'
import type { BatchWorker } from '../platform/batch-worker.ts'
import { changelogSubjects } from '../platform/changelog.ts'
import { loadConfig } from '../platform/config.ts'
import { FoldWorker } from '../platform/fold-worker.ts'
import type { InputRecord } from '../platform/input-record.ts'
import { PartitionReader, READ_UNCOMMITTED } from '../platform/kafka-consumer.ts'
import { openCodec, topicSubjects } from '../platform/open-codec.ts'
import type { RecordCodec } from '../platform/record-codec.ts'
import { keptStateFiles } from '../platform/state-files.ts'
import { nextOffsets } from '../platform/stream-task.ts'
import { changelogFacts } from '../platform/topic-admin.ts'
import { topics } from '../schemas/topics.ts'
import { SeededRandom } from '../stats/random.ts'
import { userHistory } from '../stream-processors/user-history.ts'
import { EXAMPLE } from '../test/support/review-world.ts'
import { peakRssMb, rssMb } from './process-usage.ts'
import { userOf } from './state.ts'

const BATCH = 500
const TOPIC = topics.userActivity.name

await main(process.argv.slice(2))

async function main([settings = '{}', ...counts]: readonly string[]): Promise<void> {
  const [records = 0, users = 1] = counts.map(Number)
  const config = loadConfig(JSON.parse(settings) as NodeJS.ProcessEnv)
  const subjects = [...topicSubjects(), ...changelogSubjects(userHistory.name, userHistory.stores)]
  const { codec } = await openCodec(config, subjects)
  await using edges = await PartitionReader.open(config, 'bench-watermarks', READ_UNCOMMITTED)
  const read: number[] = []
  using worker = new FoldWorker(userHistory, {
    codec,
    watermarks: (input) => edges.watermarks(input),
    openReader: () => PartitionReader.open(config, 'bench-restore'),
    changelogFacts: (topic) => changelogFacts(config, topic),
    states: keptStateFiles({
      folder: config.STATE_DIR,
      log: pino({ level: 'silent' }),
      pause: () => Promise.resolve(),
    }),
    nowMs: () => Date.now(),
    onRestored: (restored) => read.push(restored.records),
  })
  const beforeMb = rssMb(process.pid)
  const cost = measured()
  for (let partition = 0; partition < config.TOPIC_PARTITIONS; partition += 1)
    await worker.restore({ topic: TOPIC, partition })
  const restored = { ...cost(), records: read.reduce((sum, count) => sum + count, 0) }
  const batches = batchesOf({ codec, users, records, partitions: config.TOPIC_PARTITIONS })
  const folded = await fold(worker, batches)
  const residentMb = { before: beforeMb, peak: peakRssMb(process.pid) }
  process.stdout.write(JSON.stringify({ restored, residentMb, ...(records > 0 ? { folded } : {}) }))
}

/** Seconds and processor seconds from now on. */
function measured(): () => { seconds: number; cpuSeconds: number } {
  const startMs = performance.now()
  const before = process.cpuUsage()
  return () => {
    const { user, system } = process.cpuUsage(before)
    return { seconds: (performance.now() - startMs) / 1000, cpuSeconds: (user + system) / 1e6 }
  }
}

/** Only the fold, its codec and its store: nothing goes to Kafka. */
async function fold(worker: BatchWorker, batches: readonly InputRecord[][]): Promise<object> {
  const cost = measured()
  for (const batch of batches) {
    await worker.compute(batch, nextOffsets(batch))
    worker.commit(nextOffsets(batch))
  }
  const { seconds, cpuSeconds } = cost()
  const records = batches.length * BATCH
  return { records, usPerRecord: (seconds * 1e6) / records, cpuUsPerRecord: (cpuSeconds * 1e6) / records }
}

interface Load {
  readonly codec: RecordCodec
  readonly users: number
  readonly records: number
  readonly partitions: number
}

/** New reviews of users that are known, each as likely as any other. */
function batchesOf({ codec, users, records, partitions }: Load): InputRecord[][] {
  const random = new SeededRandom(1)
  const reviewOf = (offset: number): InputRecord => {
    const { userId, partition } = userOf(random.below(users), partitions)
    const review = { ...EXAMPLE.review, userId, reviewId: `new-${offset}` }
    const source = { topic: 'reviews', partition, offset }
    const value = { userId, review, label: null, source, sourceAppendedAtMs: review.writtenAtMs }
    const bytes = codec.encode({ subject: `${TOPIC}-value`, schema: 'UserActivity' }, value)
    const place = { topic: TOPIC, partition, offset, appendedAtMs: 2 + offset }
    return { ...place, key: Buffer.from(userId), value: bytes, headers: [] }
  }
  const firsts = Array.from({ length: records / BATCH }, (_, batch) => batch * BATCH)
  return firsts.map((first) => Array.from({ length: BATCH }, (_, i) => reviewOf(first + i)))
}
