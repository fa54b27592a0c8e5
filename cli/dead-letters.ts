import { readTopic } from '../platform/topic-reader.ts'
import { letterId, type LetterFilter, matches, type TrackedLetter } from '../replay/dead-letters/letters.ts'
import type { DeadLetterResolution } from '../schemas/generated.ts'
import type { CliContext } from './context.ts'
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
  let newest: TrackedLetter[] = []
  for await (const { record, decoded } of readTopic(config, codec, 'deadLetters', range)) {
    if (!('value' in decoded)) continue
    const letter = decoded.value
    const id = letterId(letter)
    const tracked = { letter, deadAtMs: record.appendedAtMs, resolution: resolutions.get(id) }
    if (seen.has(id) || !matches(tracked, filter) || !isIn(state, tracked.resolution)) continue
    seen.add(id)
    newest.push(tracked)
    // partitions are read one beside the other: sorted now and then, so that memory stays with the limit
    if (newest.length >= 2 * limit + 1000) newest = newestOf(newest, limit)
  }
  return { newest: newestOf(newest, limit), total: seen.size }
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

function newestOf(letters: readonly TrackedLetter[], limit: number): TrackedLetter[] {
  return letters.toSorted((a, b) => a.deadAtMs - b.deadAtMs).slice(-limit)
}
