import { readTopic } from '../platform/topic-reader.ts'
import type { Supervisor } from '../platform/supervisor.ts'
import { metricOf, publishEvent, startPipeline, until, unready } from '../test/support/pipeline.ts'
import { quantile } from './process-usage.ts'
import { only, worldEvents } from './running-pipeline.ts'

interface Quantiles {
  readonly p50: number
  readonly p99: number
}

export interface Latency {
  readonly rate: number
  readonly reviews: number
  /** From the publisher's call to a read_committed reader, ms; score: null where no scorer runs. */
  readonly feature: Quantiles
  readonly score: Quantiles | null
  /** Mean time from the first computation of a batch to its commit, and records a batch, by task. */
  readonly batches: Readonly<Record<string, { readonly ms: number; readonly records: number }>>
}

const TASKS = { intake: 'folds', 'user-history': 'folds', 'movie-context': 'folds', scorer: 'scorer' } as const

async function batchesOf(supervisor: Supervisor, processes: readonly string[]): Promise<Latency['batches']> {
  const batches: Record<string, { ms: number; records: number }> = {}
  for (const [component, process] of Object.entries(TASKS)) {
    if (!processes.includes(process)) continue
    const metric = (name: string): Promise<number> => metricOf(supervisor, process, name, { component })
    const count = await metric('spoiler_batch_seconds_count')
    const [seconds, records] = [await metric('spoiler_batch_seconds_sum'), await metric('spoiler_records_in_total')]
    batches[component] = { ms: (seconds * 1000) / count, records: records / count }
  }
  return batches
}

interface LatencyOptions {
  /** Reviews a second. */
  readonly rate: number
  readonly seconds: number
  readonly labels: boolean
  readonly processes: readonly string[]
}

/** The broker's compiler takes a core of its own for its first half minute. */
const WARM_UP_SECONDS = 30

/** Publish -> feature and publish -> score at a steady rate. */
export async function latency({ rate, seconds, labels, processes }: LatencyOptions): Promise<Latency> {
  await using pipeline = await startPipeline(processes.includes('sinks') ? undefined : ['kafka', 'registry'])
  const supervisor = pipeline.supervise(only(...processes))
  for (const name of processes) {
    await until(
      `${name} is ready`,
      async () => Object.keys((await unready(supervisor, name)) ?? { no: '' }).length === 0,
    )
  }
  const sentMs = new Map<string, number>()
  const total = rate * (WARM_UP_SECONDS + seconds)
  /** Until each review that was measured has come. */
  const collect = async (topic: 'reviewFeatures' | 'spoilerScores'): Promise<Quantiles> => {
    const latencies: number[] = []
    const reader = readTopic(pipeline.config, pipeline.codec, topic, { from: 'beginning', follow: true })
    for await (const { decoded } of reader) {
      const sent = 'value' in decoded ? sentMs.get(decoded.value.reviewId) : undefined
      if (sent !== undefined) latencies.push(performance.now() - sent)
      if (latencies.length === rate * seconds) break
    }
    return { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) }
  }
  const feature = collect('reviewFeatures')
  const score = processes.includes('scorer') ? collect('spoilerScores') : Promise.resolve(null)
  let reviews = 0
  const beginMs = performance.now()
  for (const event of worldEvents(total, labels)) {
    await publishEvent(pipeline.publisher, event)
    if (event.topic !== 'reviews') continue
    reviews += 1
    if (reviews > rate * WARM_UP_SECONDS) sentMs.set(event.value.reviewId, performance.now())
    const aheadMs = (reviews * 1000) / rate - (performance.now() - beginMs)
    if (aheadMs > 1) await new Promise((resolve) => setTimeout(resolve, aheadMs))
  }
  await pipeline.publisher.flush()
  const measured = { feature: await feature, score: await score }
  return { rate, reviews: rate * seconds, ...measured, batches: await batchesOf(supervisor, processes) }
}
