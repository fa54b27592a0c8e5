import { z } from 'zod'

/** One task of a component, in figures. */
export interface TaskFigures {
  readonly task: string
  readonly recordsIn: number
  readonly recordsOut: number
  readonly transactions: number
  readonly aborted: number
  readonly deadLetters: number
  readonly secondsBehind: number
}

/** What a component says of itself. */
export interface ComponentReport {
  readonly ready: boolean
  /** Why it is not ready, by task. */
  readonly unready: Readonly<Record<string, string>>
  readonly tasks: readonly TaskFigures[]
}

interface Sample {
  readonly name: string
  readonly labels: ReadonlyMap<string, string>
  readonly value: number
}

const SAMPLE = /^(\w+)(?:\{(.*)\})? (\S+)$/
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g
const Readiness = z.object({ unready: z.record(z.string(), z.string()) })
const ANSWER_WITHIN_MS = 2000

/** Asks a component; one that does not answer is not ready. */
export async function askComponent(url: string | undefined): Promise<ComponentReport> {
  if (url === undefined) return silent('it has not started yet')
  try {
    const signal = AbortSignal.timeout(ANSWER_WITHIN_MS)
    const [ready, metrics] = await Promise.all([
      fetch(`${url}/ready`, { signal }).then((response) => response.json()),
      fetch(`${url}/metrics`, { signal }).then((response) => response.text()),
    ])
    const { unready } = Readiness.parse(ready)
    return { ready: Object.keys(unready).length === 0, unready, tasks: taskFigures(metrics) }
  } catch (error) {
    return silent(`it does not answer: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function silent(reason: string): ComponentReport {
  return { ready: false, unready: { process: reason }, tasks: [] }
}

/** Reads the tasks' figures out of Prometheus text. Counters that were never touched are 0. */
export function taskFigures(prometheus: string): TaskFigures[] {
  const samples = prometheus.split('\n').flatMap(parseSample)
  const tasks = new Set(samples.flatMap(({ labels }) => labels.get('component') ?? []))
  return [...tasks].sort().map((task) => {
    const sum = (name: string, outcome?: string): number =>
      samples
        .filter((sample) => sample.name === name && sample.labels.get('component') === task)
        .filter(({ labels }) => outcome === undefined || labels.get('outcome') === outcome)
        .reduce((total, { value }) => total + value, 0)
    return {
      task,
      recordsIn: sum('spoiler_records_in_total'),
      recordsOut: sum('spoiler_records_out_total'),
      transactions: sum('spoiler_transactions_total', 'committed'),
      aborted: sum('spoiler_transactions_total', 'aborted'),
      deadLetters: sum('spoiler_dead_letters_total'),
      secondsBehind: sum('spoiler_seconds_behind'),
    }
  })
}

function parseSample(line: string): Sample[] {
  const [, name, labels = '', value] = SAMPLE.exec(line) ?? []
  if (name === undefined) return []
  const pairs = [...labels.matchAll(LABEL)].map(([, key = '', text = '']) => [key, text] as const)
  return [{ name, labels: new Map(pairs), value: Number(value) }]
}
