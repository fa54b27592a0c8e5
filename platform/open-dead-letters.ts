import { Gauge, type Registry } from 'prom-client'
import type { Logger } from 'pino'
import { letterId } from '../schemas/topics.ts'
import type { DeadLetter, DeadLetterResolution } from '../schemas/generated.ts'
import type { KafkaConfig } from './kafka-connection.ts'
import type { RecordCodec } from './record-codec.ts'
import { followTopic } from './topic-values.ts'

interface OpenLetter {
  readonly code: string
  readonly component: string
  readonly deadAtMs: number
}

/** Dead letters that nothing was done about, as metrics: how many, and how old the oldest is. */
export class OpenDeadLetters {
  readonly #letters = new Map<string, OpenLetter>()
  /** A decision may be read before its letter: they stand in two topics. */
  readonly #decided = new Set<string>()

  constructor(registry: Registry, nowMs: () => number) {
    const letters = this.#letters
    new Gauge({
      name: 'spoiler_dead_letters_open',
      help: 'Dead letters that nothing was done about',
      labelNames: ['component', 'code'],
      registers: [registry],
      collect() {
        this.reset()
        for (const { component, code } of letters.values()) this.inc({ component, code })
      },
    })
    new Gauge({
      name: 'spoiler_dead_letters_oldest_seconds',
      help: 'Age of the oldest dead letter that nothing was done about',
      labelNames: ['component'],
      registers: [registry],
      collect() {
        this.reset()
        for (const [component, own] of Map.groupBy(letters.values(), (letter) => letter.component)) {
          const oldestMs = own.reduce((oldest, { deadAtMs }) => Math.min(oldest, deadAtMs), Infinity)
          this.set({ component }, Math.max(0, nowMs() - oldestMs) / 1000)
        }
      },
    })
  }

  /** May be called again with the same letter. */
  addLetter(letter: DeadLetter, deadAtMs: number): void {
    const id = letterId(letter)
    const { code, component } = letter
    if (!this.#decided.has(id) && !this.#letters.has(id)) this.#letters.set(id, { code, component, deadAtMs })
  }

  addResolution(resolution: DeadLetterResolution): void {
    const id = letterId(resolution)
    this.#decided.add(id)
    this.#letters.delete(id)
  }
}

interface FollowDeps {
  readonly codec: RecordCodec
  readonly signal: AbortSignal
  readonly log: Logger
}

/** Keeps the metrics current until the signal aborts. */
export async function followDeadLetters(
  config: KafkaConfig,
  open: OpenDeadLetters,
  { codec, ...following }: FollowDeps,
): Promise<void> {
  const letters = async (): Promise<void> => {
    for await (const { record, decoded } of followTopic(config, codec, 'deadLetters', following))
      if ('value' in decoded) open.addLetter(decoded.value, record.appendedAtMs)
  }
  const resolutions = async (): Promise<void> => {
    for await (const { decoded } of followTopic(config, codec, 'deadLetterResolutions', following))
      if ('value' in decoded) open.addResolution(decoded.value)
  }
  await Promise.all([letters(), resolutions()])
}
