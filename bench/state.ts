import { spawn } from 'node:child_process'
import { readdirSync, statSync } from 'node:fs'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { changelogSubjects, changelogTopic } from '../platform/changelog.ts'
import { openIdempotentProducer } from '../platform/kafka-producer.ts'
import { openCodec } from '../platform/open-codec.ts'
import type { RecordCodec } from '../platform/record-codec.ts'
import { ensureTopics, wantedTopics } from '../platform/topic-admin.ts'
import type { SchemaName } from '../schemas/generated.ts'
import { topics } from '../schemas/topics.ts'
import { userHistory } from '../stream-processors/user-history.ts'
import { chain } from '../test/support/fold-chain.ts'
import { type Pipeline, startPipeline } from '../test/support/pipeline.ts'
import { worldEvents } from './running-pipeline.ts'

const CHANGELOG = changelogTopic(userHistory.name)
const FOLDED_RECORDS = 20_000
const SAMPLE_REVIEWS = 6_000

/** The n-th user, its id spread over all ids as those of people are. */
export function userOf(n: number, partitions: number): { userId: string; partition: number } {
  return { userId: `ur${(Math.imul(n, 2_654_435_761) >>> 0).toString(36)}-${n}`, partition: n % partitions }
}

/** Restart of user-history with so many users, one review each: from the changelog, from disk; then what a record costs. */
export async function state(users: number): Promise<object> {
  await using pipeline = await startPipeline(['kafka', 'registry'])
  const { config } = pipeline
  await ensureTopics(config, wantedTopics(config, [CHANGELOG]))
  const { codec } = await openCodec(config, changelogSubjects(userHistory.name, userHistory.stores))
  await fillChangelog(pipeline, codec, users)
  const fromChangelog = await restoreOnce(pipeline, [0, users])
  const fromDisk = await restoreOnce(pipeline, [0, users])
  const folding = await restoreOnce(pipeline, [FOLDED_RECORDS, users])
  return { users, fromChangelog, fromDisk, folding, diskMb: diskMb(config.STATE_DIR), loadAverage: loadavg()[0] }
}

/** State as the generated world leaves it, of so many users. */
async function fillChangelog({ config }: Pipeline, codec: RecordCodec, users: number): Promise<void> {
  const sample = sampleOf(codec)
  const producer = await openIdempotentProducer(config, 'bench-changelog')
  for (let n = 0; n < users; n += 1) {
    const { userId, partition } = userOf(n, config.TOPIC_PARTITIONS)
    const [user, review] = [sample.users[n % sample.users.length], sample.reviews[n % sample.reviews.length]]
    await producer.send({ topic: CHANGELOG, partition, key: `users\u001e${userId}`, value: user ?? null })
    await producer.send({
      topic: CHANGELOG,
      partition,
      key: `reviews\u001e${userId}\u001fr${n}`,
      value: review ?? null,
    })
  }
  for (let partition = 0; partition < config.TOPIC_PARTITIONS; partition += 1) {
    const applied = { topic: topics.userActivity.name, offset: 0, streamTimeMs: 1 }
    const value = codec.encode({ subject: `${CHANGELOG}-applied`, schema: 'AppliedOffset' }, applied)
    await producer.send({ topic: CHANGELOG, partition, key: '\u001eapplied', value })
  }
  await producer.flush()
  await producer[Symbol.asyncDispose]()
}

function sampleOf(codec: RecordCodec): { users: Buffer[]; reviews: Buffer[] } {
  const log = [...worldEvents(SAMPLE_REVIEWS, true)].map(({ topic, value, eventTimeMs }, offset) => {
    return {
      key: null,
      value,
      position: { topic: topics[topic].name, partition: 0, offset },
      appendedAtMs: eventTimeMs,
    }
  })
  const { stores } = chain(log).userHistory.state
  const { users, reviews } = userHistory.stores
  const encoded = (store: string, schema: SchemaName): Buffer[] =>
    (stores[store] ?? []).map(([, value]) => codec.encode({ subject: `${CHANGELOG}-${store}`, schema }, value))
  return { users: encoded('users', users.schema), reviews: encoded('reviews', reviews.schema) }
}

async function restoreOnce({ env }: Pipeline, args: readonly number[]): Promise<object> {
  const program = join(import.meta.dirname, 'restore-once.ts')
  const child = spawn(process.execPath, [program, JSON.stringify(env), ...args.map(String)])
  const [told, errors] = await Promise.all([text(child.stdout), text(child.stderr)])
  if (told === '') throw new Error(errors)
  return JSON.parse(told) as object
}

function diskMb(folder: string): number {
  const place = join(folder, 'state', CHANGELOG)
  return readdirSync(place).reduce((sum, name) => sum + statSync(join(place, name)).size, 0) / 1e6
}
