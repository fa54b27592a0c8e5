import { World } from '../producers/world/world.ts'
import type { ProducedEvent } from '../producers/event-source.ts'
import { COMPONENTS, metricOf, type Pipeline, publishEvent, statusOf, until } from '../test/support/pipeline.ts'
import type { Supervisor } from '../platform/supervisor.ts'
import { cpuMs } from './process-usage.ts'

const SEED = 7
const START_MS = Date.UTC(2026, 0, 1)

/** Events of the generated world, with its labels or without. */
export function* worldEvents(reviews: number, labels: boolean): Generator<ProducedEvent> {
  const world = new World({ seed: SEED, rate: 200, speed: 21_600, startMs: START_MS, reviews })
  for (const event of world.events()) if (labels || event.topic !== 'reviewLabels') yield event
}

export async function publishAll(pipeline: Pipeline, events: Iterable<ProducedEvent>): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const event of events) {
    await publishEvent(pipeline.publisher, event)
    counts[event.topic] = (counts[event.topic] ?? 0) + 1
  }
  await pipeline.publisher.flush()
  return counts
}

export interface Wait {
  readonly process: string
  readonly task: string
  readonly records: number
}

/** Resolves when a task has read so many records, with the time at which it had. */
export async function untilRead(supervisor: Supervisor, { process, task, records }: Wait): Promise<number> {
  const read = (): Promise<number> => metricOf(supervisor, process, 'spoiler_records_in_total', { component: task })
  await until(`${task} has read ${records}`, async () => (await read()) >= records, 600_000)
  return performance.now()
}

/** Components by name, and the two servers. */
export function pids(pipeline: Pipeline, supervisor: Supervisor, names: readonly string[]): Record<string, number> {
  const components = names.map((name) => [name, statusOf(supervisor, name).pid as number] as const)
  return { ...Object.fromEntries(components), broker: pipeline.stack.pid('kafka') as number }
}

export function cpuOf(processes: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(processes).map(([name, pid]) => [name, cpuMs(pid)]))
}

export function only(...names: string[]): typeof COMPONENTS {
  return COMPONENTS.filter(({ name }) => names.includes(name))
}
