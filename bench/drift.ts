import { loadavg } from 'node:os'
import { loadModelVersion, PRIOR_FOLDER } from '../inference/model-version.ts'
import type { Model } from '../inference/model.ts'
import { scoreRow } from '../inference/score-row.ts'
import { FoldWorker } from '../platform/fold-worker.ts'
import { type InputRecord, topicId } from '../platform/input-record.ts'
import { nextOffsets } from '../platform/stream-task.ts'
import { World } from '../producers/world/world.ts'
import type { ReviewFeatures } from '../schemas/generated.ts'
import type { Processor } from '../schemas/processor.ts'
import { spoilerV1 } from '../schemas/spoiler-v1.ts'
import { type TopicId, topics } from '../schemas/topics.ts'
import { seedOf } from '../stats/random.ts'
import { drift } from '../stream-processors/drift/drift.ts'
import { driftFeatures } from '../stream-processors/drift/drift-features.ts'
import { driftOutcomes } from '../stream-processors/drift/drift-outcomes.ts'
import { driftScores } from '../stream-processors/drift/drift-scores.ts'
import { evaluator } from '../stream-processors/evaluator.ts'
import { intake } from '../stream-processors/intake.ts'
import { movieContext } from '../stream-processors/movie-context.ts'
import { scoreIntake } from '../stream-processors/score-intake.ts'
import { userHistory } from '../stream-processors/user-history.ts'
import { FakeChangelog } from '../test/support/fake-changelog.ts'
import { FakeRegistry, learnedCodec } from '../test/support/fake-registry.ts'
import { foldDeps } from '../test/support/fold-deps.ts'

/** Reviews a second; a day of the world is four seconds. */
const RATE = 200
const PARTITIONS = 4
const START_MS = Date.UTC(2026, 0, 1)
const SPEED = 21_600
const COMMIT_MS = 100
/** As stream-processors/main.ts has it. */
const WATCHING_COMMIT_MS = 1_000

const codec = learnedCodec(new FakeRegistry())

/**
 * CPU-µs a review of each fold, all but the broker: input decoded, state in SQLite, outputs and changelog encoded, a
 * commit each interval. The detector stands beside the folds that make the rows it reads.
 */
export async function driftCost(reviews: number): Promise<object> {
  await using model = await loadModelVersion(PRIOR_FOLDER)
  const costs: Record<string, number> = {}
  const run = async <In, Stores>(
    processor: Processor<In, Stores>,
    inputs: readonly InputRecord[],
    commitMs: number,
  ): Promise<InputRecord[]> => {
    const { cpuMs, outputs } = await folded(processor, inputs, commitMs)
    costs[processor.name] = (1_000 * cpuMs) / reviews
    return outputs
  }
  const taken = await run(intake, published(reviews), COMMIT_MS)
  const known = await run(userHistory, of('userActivity', taken), COMMIT_MS)
  const movies = of('movieActivity', [...taken, ...known])
  const rows = of(
    'reviewFeatures',
    await run(
      movieContext(() => spoilerV1),
      movies,
      COMMIT_MS,
    ),
  )
  const scores = await scoresOf(rows, model)
  const activity = of('scoreActivity', [...known, ...(await run(scoreIntake, scores, WATCHING_COMMIT_MS))])
  const outcomes = of('scoreOutcomes', await run(evaluator, activity, WATCHING_COMMIT_MS))
  const partials = [
    ...(await run(driftFeatures, rows, WATCHING_COMMIT_MS)),
    ...(await run(driftScores, scores, WATCHING_COMMIT_MS)),
    ...(await run(driftOutcomes, outcomes, WATCHING_COMMIT_MS)),
  ]
  await run(drift, of('driftPartials', partials), WATCHING_COMMIT_MS)
  return {
    reviews,
    partials: of('driftPartials', partials).length,
    cpuMicrosAReview: costs,
    featureFolds: sumOf(costs, [userHistory.name, 'movie-context']),
    detector: sumOf(costs, [driftFeatures.name, driftScores.name, driftOutcomes.name, drift.name]),
    loadAverage: loadavg()[0],
  }
}

function sumOf(costs: Readonly<Record<string, number>>, names: readonly string[]): number {
  return names.reduce((sum, name) => sum + (costs[name] ?? 0), 0)
}

function record(to: TopicId, value: unknown, at: Pick<InputRecord, 'offset' | 'appendedAtMs'>): InputRecord {
  const { name: topic, schema, key } = topics[to]
  const bytes = codec.encode({ subject: `${topic}-value`, schema }, value)
  const id = key(value as never)
  return { topic, partition: partitionOf(topic, id), key: Buffer.from(id), value: bytes, headers: [], ...at }
}

function partitionOf(topic: string, key: string): number {
  return topics[topicId(topic)].partitions === 1 ? 0 : (seedOf(key) >>> 0) % PARTITIONS
}

function published(reviews: number): InputRecord[] {
  const world = new World({ seed: 7, rate: RATE, speed: SPEED, startMs: START_MS, reviews })
  return [...world.events()].map(({ topic, value, eventTimeMs }, offset) =>
    record(topic, value, { offset, appendedAtMs: START_MS + Math.floor((eventTimeMs - world.beginMs) / SPEED) }),
  )
}

async function scoresOf(rows: readonly InputRecord[], model: Model): Promise<InputRecord[]> {
  const scores: InputRecord[] = []
  for (const { topic, partition, offset, value, appendedAtMs } of rows) {
    const row = codec.decodeKnown<ReviewFeatures>('ReviewFeatures', value, false)
    if (row === undefined || 'poison' in row) throw new Error('a row that cannot be read')
    const position = { topic, partition, offset }
    const result = await scoreRow(
      { key: null, value: row.value, position, appendedAtMs },
      { model, deploymentEpoch: 0 },
    )
    if (result.kind === 'reject') throw new Error(result.cause)
    scores.push(record('spoilerScores', result.score, { offset, appendedAtMs }))
  }
  return scores
}

/** Of one topic, in the order of append time, with offsets of its own. */
function of(id: TopicId, records: readonly InputRecord[]): InputRecord[] {
  return records
    .filter(({ topic }) => topic === topics[id].name)
    .sort((a, b) => a.appendedAtMs - b.appendedAtMs)
    .map((one, offset) => ({ ...one, offset })) // ascending in each partition: a fold asks no more
}

/** Folds the partitions of a topic in one process, a commit for each interval of append time. */
async function folded<In, Stores>(
  processor: Processor<In, Stores>,
  inputs: readonly InputRecord[],
  commitMs: number,
): Promise<{ readonly cpuMs: number; readonly outputs: InputRecord[] }> {
  const own = learnedCodec(new FakeRegistry(), processor)
  using worker = new FoldWorker(processor, foldDeps(own, new FakeChangelog()))
  for (let partition = 0; partition < PARTITIONS; partition += 1)
    await worker.restore({ topic: inputs[0]?.topic ?? '', partition })
  const outputs: InputRecord[] = []
  let cpuMs = 0
  for (const batch of batches(inputs, commitMs)) {
    const next = nextOffsets(batch)
    const appendedAtMs = batch.at(-1)?.appendedAtMs ?? 0
    const before = process.cpuUsage()
    const { outgoing } = await worker.compute(batch, next)
    worker.commit(next)
    const { user, system } = process.cpuUsage(before)
    cpuMs += (user + system) / 1_000
    for (const { topic, key, value, partition: ofChangelog } of outgoing) {
      if (ofChangelog !== null) continue
      const partition = partitionOf(topic, String(key))
      outputs.push({ topic, partition, offset: 0, key: Buffer.from(String(key)), value, headers: [], appendedAtMs })
    }
  }
  return { cpuMs, outputs }
}

function* batches(inputs: readonly InputRecord[], commitMs: number): Generator<InputRecord[]> {
  let batch: InputRecord[] = []
  for (const input of inputs) {
    const first = batch[0]
    if (first !== undefined && input.appendedAtMs >= first.appendedAtMs + commitMs) {
      yield batch
      batch = []
    }
    batch.push(input)
  }
  if (batch.length > 0) yield batch
}
