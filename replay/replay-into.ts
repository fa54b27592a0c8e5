import type { Config } from '../platform/config.ts'
import { GroupConsumer } from '../platform/kafka-consumer.ts'
import { openTransactionalProducer } from '../platform/kafka-producer.ts'
import type { InputRecord } from '../platform/input-record.ts'
import { ensureTopics, wantedTopics } from '../platform/topic-admin.ts'
import type { PartitionRange } from '../platform/topic-reader.ts'
import { commitBatch } from '../platform/transaction.ts'
import { type TopicId, topics } from '../schemas/topics.ts'
import type { RemadeBatch } from './refold.ts'

/** What a replay writes, and where. */
export interface ReplayTarget {
  /** Of the replay: letters, digits, dots, dashes. */
  readonly name: string
  readonly stage: string
  readonly outputs: readonly TopicId[]
}

export interface ReplayIntoDeps {
  readonly config: Config
  readonly signal: AbortSignal
  /** Makes the outputs of a partition from `resumeAt` on; earlier batches may come as well. */
  readonly remake: (range: PartitionRange, resumeAt: number) => AsyncIterable<RemadeBatch>
  readonly onProgress: (progress: { readonly step: string; readonly done: number; readonly total: number }) => void
  /** Waits where a rate was asked for. @param records Passed since the last call. */
  readonly pace: (records: number) => Promise<void>
}

export interface Replayed {
  readonly stage: string
  /** Where outputs went, by live topic. */
  readonly topics: Readonly<Record<string, string>>
  /** Input records whose outputs this run has written; an earlier one may have written others. */
  readonly replayed: number
  /** Records written, to all topics together. */
  readonly outputs: number
}

/** Topic, group and transactional id of a replay: nothing that is live has such a name. */
export function replayName(name: string, of: string): string {
  return `replay.${name}.${of}`
}

/**
 * Writes what is made again into topics of its own, each batch with its place in the input in one transaction: begun
 * anew, a replay goes on where it was, and nothing is there twice.
 *
 * @param ranges Of the input, one per partition; outputs of what lies before `from` are not written.
 * @throws SpoilerError SPL_TOPIC_DIFFERS; SPL_TRANSACTION_ABORTED, SPL_TRANSACTION_STUCK: run it again.
 */
export async function replayInto(
  { name, stage, outputs }: ReplayTarget,
  ranges: readonly PartitionRange[],
  deps: ReplayIntoDeps,
): Promise<Replayed> {
  const { config } = deps
  const renamed = new Map(outputs.map((id) => [topics[id].name, replayName(name, topics[id].name)]))
  await ensureTopics(config, renamedTopics(config, renamed))
  const id = replayName(name, stage)
  await using producer = await openTransactionalProducer(config, id)
  await using group = await GroupConsumer.observe(config, id)
  const done = await group.committed(ranges)
  const total = ranges.reduce((sum, { from, to }) => sum + to - from, 0)
  const counts = { replayed: 0, outputs: 0 }
  let before = 0
  for (const [index, range] of ranges.entries()) {
    const resumeAt = Math.max(range.from, done[index]?.offset ?? range.from)
    for await (const { records, outgoing } of deps.remake(range, resumeAt)) {
      const [first, last] = [records[0], records.at(-1)] as [InputRecord, InputRecord]
      if (first.offset >= resumeAt) {
        const next = { topic: range.topic, partition: range.partition, offset: last.offset + 1 }
        const written = outgoing.map((record) => ({ ...record, topic: renamedTopic(renamed, record.topic) }))
        const batch = { outgoing: written, nextOffsets: [next], groupMetadata: group.groupMetadata() }
        await commitBatch(batch, { producer, stepDeadlineMs: config.STEP_DEADLINE_MS })
        counts.replayed += records.length
        counts.outputs += written.length
      }
      const passed = Math.max(0, last.offset + 1 - range.from)
      deps.onProgress({ step: `replaying ${stage}`, done: before + passed, total })
      await deps.pace(records.length)
    }
    before += range.to - range.from
  }
  return { stage, topics: Object.fromEntries(renamed), ...counts }
}

function renamedTopics(config: Config, renamed: ReadonlyMap<string, string>) {
  return wantedTopics(config, []).flatMap((topic) => {
    const name = renamed.get(topic.name)
    return name === undefined ? [] : [{ ...topic, name }]
  })
}

function renamedTopic(renamed: ReadonlyMap<string, string>, topic: string): string {
  const name = renamed.get(topic)
  if (name === undefined) throw new RangeError(`a replay wants to write to ${topic}, which is not declared for it`)
  return name
}
