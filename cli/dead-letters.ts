import { readTopic } from '../platform/topic-reader.ts'
import { type LetterFilter, matches, type TrackedLetter } from '../replay/dead-letters/letters.ts'
import type { DeadLetterResolution, LateRecord } from '../schemas/generated.ts'
import type { CliContext } from './context.ts'
import { letterId } from '../schemas/topics.ts'
import { readingCodec } from './pipeline.ts'

/** Which letters are shown: those that nothing was done about, or some of the others. */
export const LETTER_STATES = ['open', 'replayed', 'dropped', 'all'] as const
export type LetterState = (typeof LETTER_STATES)[number]

export interface WantedLetters extends LetterFilter {
  readonly state: LetterState
  /** The newest of them; memory stays with it. */
  readonly limit: number
}

export interface FoundLetters {
  /** Oldest first. */
  readonly newest: readonly TrackedLetter[]
  readonly total: number
}

/** The newest letters of a filter, each once: what a component wrote again after a crash is one letter. */
export async function findLetters(
  context: CliContext,
  { state, limit, ...filter }: WantedLetters,
): Promise<FoundLetters> {
  const config = context.config()
  const codec = readingCodec(config)
  const resolutions = await readResolutions(context)
  const range = { from: 'beginning', follow: false, signal: context.signal } as const
  const seen = new Set<string>()
  const newest = new Newest<TrackedLetter>(limit, ({ deadAtMs }) => deadAtMs)
  for await (const { record, decoded } of readTopic(config, codec, 'deadLetters', range)) {
    if (!('value' in decoded)) continue
    const letter = decoded.value
    const id = letterId(letter)
    const tracked = { letter, deadAtMs: record.appendedAtMs, resolution: resolutions.get(id) }
    if (seen.has(id) || !matches(tracked, filter) || !isIn(state, tracked.resolution)) continue
    seen.add(id)
    newest.add(tracked)
  }
  return { newest: newest.oldestFirst(), total: seen.size }
}

/** A record that came too late to count, and when that was written down. */
export interface TrackedLateRecord {
  readonly record: LateRecord
  /** Unix milliseconds. */
  readonly lateAtMs: number
}

export interface FoundLateRecords {
  /** Oldest first. */
  readonly newest: readonly TrackedLateRecord[]
  readonly total: number
}

export async function findLateRecords({ config, signal }: CliContext, limit: number): Promise<FoundLateRecords> {
  const range = { from: 'beginning', follow: false, signal } as const
  const newest = new Newest<TrackedLateRecord>(limit, ({ lateAtMs }) => lateAtMs)
  let total = 0
  for await (const { record, decoded } of readTopic(config(), readingCodec(config()), 'lateRecords', range)) {
    if (!('value' in decoded)) continue
    newest.add({ record: decoded.value, lateAtMs: record.appendedAtMs })
    total += 1
  }
  return { newest: newest.oldestFirst(), total }
}

/** Decisions by the id of their letter; of several the first, which is the one that had an effect. */
async function readResolutions({ config, signal }: CliContext): Promise<Map<string, DeadLetterResolution>> {
  const resolutions = new Map<string, DeadLetterResolution>()
  const range = { from: 'beginning', follow: false, signal } as const
  for await (const { decoded } of readTopic(config(), readingCodec(config()), 'deadLetterResolutions', range)) {
    if (!('value' in decoded)) continue
    const id = letterId(decoded.value)
    if (!resolutions.has(id)) resolutions.set(id, decoded.value)
  }
  return resolutions
}

function isIn(state: LetterState, resolution: DeadLetterResolution | undefined): boolean {
  return state === 'all' || state === (resolution?.action ?? 'open')
}

/** The newest of many. Partitions are read one beside the other, so they come in no order. */
class Newest<T> {
  readonly #limit: number
  readonly #timeMs: (item: T) => number
  #items: T[] = []

  constructor(limit: number, timeMs: (item: T) => number) {
    this.#limit = limit
    this.#timeMs = timeMs
  }

  add(item: T): void {
    this.#items.push(item)
    // sorted now and then, so that memory stays with the limit
    if (this.#items.length >= 2 * this.#limit + 1000) this.#items = this.oldestFirst()
  }

  oldestFirst(): T[] {
    return this.#items.toSorted((a, b) => this.#timeMs(a) - this.#timeMs(b)).slice(-this.#limit)
  }
}
