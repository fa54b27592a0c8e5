import { readTopic } from '../platform/topic-reader.ts'
import type { Supervisor } from '../platform/supervisor.ts'
import { COMPONENTS, metricOf, publishEvent, startPipeline, until, unready } from '../test/support/pipeline.ts'
import { quantile } from './process-usage.ts'
import { worldEvents } from './running-pipeline.ts'

export interface Latency {
  readonly rate: number
  readonly reviews: number
  /** From the publisher's call to a read_committed reader, ms. */
  readonly feature: { readonly p50: number; readonly p99: number }
  readonly score: { readonly p50: number; readonly p99: number }
  /** Mean time from the first computation of a batch to its commit, and records a batch, by task. */
  readonly batches: Readonly<Record<string, { readonly ms: number; readonly records: number }>>
}

const TASKS = { intake: 'folds', 'user-history': 'folds', 'movie-context': 'folds', scorer: 'scorer' } as const

async function batchesOf(supervisor: Supervisor): Promise<Latency['batches']> {
  const batches: Record<string, { ms: number; records: number }> = {}
  for (const [component, process] of Object.entries(TASKS)) {
    const metric = (name: string): Promise<number> => metricOf(supervisor, process, name, { component })
    const count = await metric('spoiler_batch_seconds_count')
    const [seconds, records] = [await metric('spoiler_batch_seconds_sum'), await metric('spoiler_records_in_total')]
    batches[component] = { ms: (seconds * 1000) / count, records: records / count }
  }
  return batches
}

const WARM_UP_SECONDS = 5

/** Publish -> feature and publish -> score at a steady rate, with labels, every component running. */
export async function latency(rate: number, seconds: number): Promise<Latency> {
  await using pipeline = await startPipeline()
  const supervisor = pipeline.supervise(COMPONENTS)
  for (const { name } of COMPONENTS) {
    await until(
      `${name} is ready`,
      async () => Object.keys((await unready(supervisor, name)) ?? { no: '' }).length === 0,
    )
  }
  const sentMs = new Map<string, number>()
  const stop = new AbortController()
  const collect = async (topic: 'reviewFeatures' | 'spoilerScores'): Promise<number[]> => {
    const latencies: number[] = []
    const options = { from: 'beginning', follow: true, signal: stop.signal } as const
    for await (const { decoded } of readTopic(pipeline.config, pipeline.codec, topic, options)) {
      if ('poison' in decoded) continue
      const sent = sentMs.get(decoded.value.reviewId)
      if (sent !== undefined) latencies.push(performance.now() - sent)
    }
    return latencies
  }
  const features = collect('reviewFeatures')
  const scores = collect('spoilerScores')
  const warmUp = rate * WARM_UP_SECONDS
  const total = warmUp + rate * seconds
  let reviews = 0
  const beginMs = performance.now()
  for (const event of worldEvents(total, true)) {
    await publishEvent(pipeline.publisher, event)
    if (event.topic !== 'reviews') continue
    reviews += 1
    if (reviews > warmUp) sentMs.set(event.value.reviewId, performance.now())
    const aheadMs = (reviews * 1000) / rate - (performance.now() - beginMs)
    if (aheadMs > 1) await new Promise((resolve) => setTimeout(resolve, aheadMs))
  }
  await pipeline.publisher.flush()
  const scored = async (): Promise<boolean> => (await pipeline.records('spoilerScores')).length >= total
  await until('every review has a score', scored)
  const batches = await batchesOf(supervisor)
  stop.abort()
  const summary = (latencies: number[]) => ({ p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) })
  return { rate, reviews: total - warmUp, feature: summary(await features), score: summary(await scores), batches }
}
