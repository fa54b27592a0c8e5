import { join } from 'node:path'
import { loadModelVersion } from '../../inference/model-version.ts'
import { PartitionReader, READ_UNCOMMITTED } from '../../platform/kafka-consumer.ts'
import type { ReviewFeatures, SpoilerScore } from '../../schemas/generated.ts'
import type { StreamRecord } from '../../schemas/processor.ts'
import { topics } from '../../schemas/topics.ts'
import { scoreRows, type Serving } from '../../inference/score-row.ts'
import { checkChains, checkRedis } from '../support/oracle/check-stores.ts'
import { checkPipeline, type Recorded } from '../support/oracle/pipeline-oracle.ts'
import { recordPipeline } from '../support/oracle/record-pipeline.ts'
import { type Violation, violation } from '../support/oracle/stage-check.ts'
import type { Pipeline } from '../support/pipeline.ts'
import type { MovedBack } from './witness.ts'
import type { Witness } from './witness.ts'

const PRIOR = join(import.meta.dirname, '../../inference/versions/prior')
/** Topics that transactions write and no cleaner touches. */
const TRANSACTIONAL = ['userActivity', 'movieActivity', 'reviewFeatures', 'spoilerScores'] as const

export interface Verified {
  readonly violations: readonly Violation[]
  /** Committed records of the topics that transactions write. */
  readonly committed: number
  /** Records of aborted transactions that stand in the log: what nobody may see. */
  readonly abortedInLog: number
}

/** Compares everything that a run has left behind with what follows from its recorded inputs. */
export async function verify(pipeline: Pipeline, witness: Witness): Promise<Verified> {
  const recorded = await recordPipeline(pipeline)
  const labels = await pipeline.records('reviewLabels')
  const movies = await pipeline.records('movies')
  const reviews = recorded.publicInputs.filter(({ position }) => position.topic === topics.reviews.name)
  await using prior = await loadModelVersion(PRIOR)
  const serving = { model: prior, deploymentEpoch: 0 }
  const positions = (log: readonly StreamRecord<unknown>[]) => log.map(({ position }) => position)
  const { userActivity, movieActivity, reviewFeatures, spoilerScores } = recorded
  const violations = [
    ...(await checkPipeline(recorded, (rows) => scoresOf(rows, serving))),
    ...checkWitness(witness.seen, committedOffsets(recorded)),
    ...checkOffsets(witness.movedBack),
    ...(await checkRedis(pipeline, recorded)),
    ...(await checkChains(pipeline, {
      reviews: positions(reviews),
      reviewLabels: positions(labels),
      movies: positions(movies),
      userActivity: positions(userActivity),
      movieActivity: positions(movieActivity),
      reviewFeatures: positions(reviewFeatures),
      spoilerScores: positions(spoilerScores),
    })),
  ]
  const committed = [userActivity, movieActivity, reviewFeatures, spoilerScores].reduce(
    (sum, { length }) => sum + length,
    0,
  )
  return { violations, committed, abortedInLog: (await recordsInLog(pipeline)) - committed }
}

async function scoresOf(rows: readonly StreamRecord<ReviewFeatures>[], serving: Serving): Promise<SpoilerScore[]> {
  const results = await scoreRows(rows, [serving])
  return results.flatMap((result) => (result.kind === 'score' ? [result.score] : []))
}

/** By `topic/partition`. */
type Offsets = ReadonlyMap<string, readonly number[]>

function committedOffsets({ userActivity, movieActivity, reviewFeatures, spoilerScores }: Recorded): Offsets {
  const offsets = new Map<string, number[]>()
  for (const { position } of [...userActivity, ...movieActivity, ...reviewFeatures, ...spoilerScores]) {
    const id = `${position.topic}/${position.partition}`
    const known = offsets.get(id) ?? []
    known.push(position.offset)
    offsets.set(id, known)
  }
  return offsets
}

/** What a reader saw while faults happened is what is committed in the end: it saw nothing else, and all of it. */
export function checkWitness(seen: Offsets, committed: Offsets): Violation[] {
  return [...committed].flatMap(([id, offsets]) => {
    const known = new Set(offsets)
    const found = new Set(seen.get(id))
    const named = (offset: number): string => `${id}/${offset}`
    return [
      ...violation('reader', 'aborted record seen', [...found].filter((offset) => !known.has(offset)).map(named)),
      ...violation('reader', 'lost', offsets.filter((offset) => !found.has(offset)).map(named)),
    ]
  })
}

/** Committed offsets never move back. */
export function checkOffsets(movedBack: readonly MovedBack[]): Violation[] {
  const examples = movedBack.map(({ group, partition, from, to }) => `${group} on ${partition}: from ${from} to ${to}`)
  return violation('offsets', 'offset moved back', examples)
}

/** Records that transactions have written, aborted ones included. */
async function recordsInLog({ config }: Pipeline): Promise<number> {
  await using reader = await PartitionReader.open(config, 'test-uncommitted', READ_UNCOMMITTED)
  const partitions = TRANSACTIONAL.flatMap((id) =>
    Array.from({ length: config.TOPIC_PARTITIONS }, (_, partition) => ({
      topic: topics[id].name,
      partition,
      offset: 0,
    })),
  )
  reader.assign(partitions)
  let records = 0
  while (reader.atEnd.size < partitions.length)
    records += (await reader.read({ timeoutMs: 100, maxRecords: 10_000 })).length
  return records
}
