import { OFFLINE_TOPICS } from '../../connectors/offline-topics.ts'
import { withDeadline } from '../../platform/deadline.ts'
import { logEnds } from '../support/archived.ts'
import { type Violation, violation } from '../support/oracle/stage-check.ts'
import { until } from '../support/pipeline.ts'
import { inflict } from './inflict.ts'
import { Load, realEvents } from './load.ts'
import type { Brokers, PlannedFault } from './plan.ts'
import { FaultySystem } from './system.ts'
import { type Verified, verify } from './verify.ts'
import { Witness } from './witness.ts'

/** Everything that was published must be visible to everybody so long after the last fault, or the last record. */
const SEEN_WITHIN_MS = 45_000
/** A fault from which nothing recovers in this time has failed the run; the next one comes all the same. */
const RECOVERED_WITHIN_MS = 120_000
/** A reader of committed records waits for ever behind a transaction that nobody decides. */
const COMPARED_WITHIN_MS = 900_000

export interface FaultRunOptions {
  readonly seed: number
  /** Least number of records to publish; the load goes on until the last fault is over. */
  readonly events: number
  /** Records per second. */
  readonly rate: number
  readonly brokers: Brokers
  readonly faults: readonly PlannedFault[]
  readonly onProgress: (line: string) => void
}

export interface FaultResult {
  readonly kind: string
  /** A process, or the number of a broker. */
  readonly target: string | number | null
  /** From the start of the run. */
  readonly atMs: number
  readonly lastedMs: number
  /** From the end of the fault until every partition of `reviews` has a visible score of a review appended after it. */
  readonly scoresAfterMs: number | null
  /** From the end of the fault until every group, sinks included, has committed all that was visible at that end. */
  readonly caughtUpAfterMs: number | null
  /** Longest time in which some partition of `reviews` got no visible score, from the fault until it was caught up. */
  readonly longestSilenceMs: number
}

export interface FaultReport {
  readonly seed: number
  readonly brokers: Brokers
  readonly seconds: number
  readonly published: number
  readonly reviews: number
  readonly realEvents: number
  readonly poison: number
  readonly scores: number
  readonly committedRecords: number
  readonly abortedInLog: number
  readonly offsetSamples: number
  /** How often each process was started anew by its supervisor, since it was started by hand. */
  readonly restarts: Readonly<Record<string, number>>
  readonly settledAfterMs: number
  readonly longestSilenceMs: number
  readonly faults: readonly FaultResult[]
  readonly violations: readonly Violation[]
}

/** One run on a real stack: load, faults one after the other, and the check of all that is left. */
export async function runFaults(
  options: FaultRunOptions,
  inspect?: (system: FaultySystem) => Promise<void>,
): Promise<FaultReport> {
  const { seed, rate, brokers, faults, events, onProgress } = options
  const broker = brokers === 1 ? 'broker' : `${brokers} brokers`
  onProgress(`starting ${broker}, registry, Redis, S3 and six component processes`)
  await using system = await FaultySystem.start(brokers)
  const { pipeline } = system
  await using witness = await Witness.start(pipeline.config)
  const real = await realEvents()
  if (real.length === 0) onProgress('the real reviews are absent: only the generated world is published')
  await using load = await Load.start(pipeline, { seed, rate, real })
  system.publishers = { pause: () => load.pause(), resume: () => load.resume() }
  const run = new Run(system, witness, options)
  await until(
    'the first scores are visible',
    () => witness.scoredAfter(0, pipeline.config.TOPIC_PARTITIONS),
    RECOVERED_WITHIN_MS,
  )
  for (const [ordinal, fault] of faults.entries()) {
    await until('its turn has come', () => load.published >= (events * ordinal) / (faults.length + 1), 3_600_000)
    await run.inflict(fault)
  }
  await until('everything is published', () => load.published >= events, 3_600_000)
  await load.stop()
  const settledAfterMs = await run.settle(load.reviews)
  onProgress('comparing with the oracle')
  const compare = (): Promise<Verified> => verify(pipeline, witness)
  const { violations, committed, abortedInLog } = await withDeadline('comparing', COMPARED_WITHIN_MS, compare)
  await inspect?.(system)
  return {
    seed,
    brokers,
    seconds: Math.round(run.elapsedMs() / 1000),
    published: load.published,
    reviews: load.reviews,
    realEvents: real.length,
    poison: load.poison,
    scores: witness.scores,
    committedRecords: committed,
    abortedInLog,
    offsetSamples: witness.samples,
    restarts: Object.fromEntries(system.statuses().map(({ name, restarts }) => [name, restarts])),
    settledAfterMs,
    longestSilenceMs: Math.max(0, ...run.results.map(({ longestSilenceMs }) => longestSilenceMs)),
    faults: run.results,
    violations: [...run.violations, ...violations],
  }
}

class Run {
  readonly results: FaultResult[] = []
  readonly violations: Violation[] = []
  readonly #startedMs = Date.now()
  readonly #system: FaultySystem
  readonly #witness: Witness
  readonly #options: FaultRunOptions

  constructor(system: FaultySystem, witness: Witness, options: FaultRunOptions) {
    this.#system = system
    this.#witness = witness
    this.#options = options
  }

  elapsedMs(): number {
    return Date.now() - this.#startedMs
  }

  async inflict(fault: PlannedFault): Promise<void> {
    const name = fault.target === null ? fault.kind : `${fault.kind} ${fault.target}`
    const beganMs = Date.now()
    try {
      await inflict(this.#system, fault)
    } catch (error) {
      this.violations.push(...violation(name, 'fault failed', [(error as Error).message]))
    }
    const endedMs = Date.now()
    const ends = this.#witness.ends()
    const scoresAfterMs = await this.#after(endedMs, () => this.#witness.scoredAfter(endedMs, this.#partitions))
    const caughtUpAfterMs = await this.#after(endedMs, () => this.#witness.committedUpTo(ends))
    if (scoresAfterMs === null || caughtUpAfterMs === null)
      this.violations.push(
        ...violation(name, 'not seen in time', [`nothing recovered within ${RECOVERED_WITHIN_MS} ms`]),
      )
    for (const { name: process, state, lastFailure = '' } of this.#system.statuses())
      if (state === 'stopped') this.violations.push(...violation(process, 'stopped', [lastFailure]))
    const result: FaultResult = {
      kind: fault.kind,
      target: fault.target,
      atMs: beganMs - this.#startedMs,
      lastedMs: endedMs - beganMs,
      scoresAfterMs,
      caughtUpAfterMs,
      longestSilenceMs: longestSilence(this.#witness.scoreTimes, beganMs, Date.now()),
    }
    this.results.push(result)
    this.#options.onProgress(faultLine(result))
  }

  /** Waits until everything that was published is visible everywhere. @returns How long that took. */
  async settle(reviews: number): Promise<number> {
    const sinceMs = Date.now()
    const { pipeline } = this.#system
    const everything = async (): Promise<void> => {
      await until(`${reviews} scores are visible`, () => this.#witness.scores >= reviews, 3 * SEEN_WITHIN_MS)
      await until(
        'every group has caught up',
        () => this.#witness.committedUpTo(this.#witness.ends()),
        3 * SEEN_WITHIN_MS,
      )
      const { behind } = await logEnds(pipeline, OFFLINE_TOPICS)
      await until('all records are on S3', async () => (await behind()) === 0, 3 * SEEN_WITHIN_MS)
    }
    try {
      await everything()
    } catch (error) {
      this.violations.push(...violation('everything', 'not seen in time', [(error as Error).message]))
      return Date.now() - sinceMs
    }
    const tookMs = Date.now() - sinceMs
    if (tookMs > SEEN_WITHIN_MS)
      this.violations.push(
        ...violation('everything', 'not seen in time', [`it took ${tookMs} ms, not ${SEEN_WITHIN_MS}`]),
      )
    return tookMs
  }

  get #partitions(): number {
    return this.#system.pipeline.config.TOPIC_PARTITIONS
  }

  async #after(sinceMs: number, condition: () => boolean): Promise<number | null> {
    return until('recovery', condition, RECOVERED_WITHIN_MS).then(
      () => Date.now() - sinceMs,
      () => null,
    )
  }
}

/** Longest time between two scores of one partition, within a window. */
function longestSilence(times: ReadonlyMap<number, readonly number[]>, fromMs: number, toMs: number): number {
  const silences = [...times.values()].map((seen) => {
    const within = [fromMs, ...seen.filter((ms) => ms > fromMs && ms < toMs), toMs]
    return within.reduce((longest, ms, i) => Math.max(longest, ms - (within[i - 1] ?? ms)), 0)
  })
  return Math.max(0, ...silences)
}

function seconds(ms: number | null): string {
  return ms === null ? 'never' : `${(ms / 1000).toFixed(1)} s`
}

/** One fault in words. */
export function faultLine({ kind, target, ...times }: FaultResult): string {
  const what = target === null ? kind : `${kind} ${target}`
  const { atMs, lastedMs, scoresAfterMs, caughtUpAfterMs, longestSilenceMs } = times
  return [
    seconds(atMs).padStart(8),
    ' ',
    what.padEnd(26),
    `lasted ${seconds(lastedMs).padStart(7)}`,
    `scores again after ${seconds(scoresAfterMs).padStart(7)}`,
    `all caught up after ${seconds(caughtUpAfterMs).padStart(7)}`,
    `longest silence ${seconds(longestSilenceMs).padStart(7)}`,
  ].join('  ')
}
