import type { DeadLetter, DeadLetterResolution } from '../../schemas/generated.ts'
import { letterId, positionText, type TopicId } from '../../schemas/topics.ts'

/** A dead letter, when it became one, and what was done about it. */
export interface TrackedLetter {
  readonly letter: DeadLetter
  /** Unix milliseconds. */
  readonly deadAtMs: number
  readonly resolution: DeadLetterResolution | undefined
}

/** Which letters are meant; what is left out does not restrict. */
export interface LetterFilter {
  readonly ids?: readonly string[]
  readonly code?: string
  /** Name of the topic that the record came from. */
  readonly topic?: string
  readonly component?: string
  /** Became a dead letter at or after; before. Unix milliseconds. */
  readonly sinceMs?: number
  readonly untilMs?: number
}

/** An id may be given without its component, as the position of the source. */
export function matches({ letter, deadAtMs }: Omit<TrackedLetter, 'resolution'>, filter: LetterFilter): boolean {
  const { ids, code, topic, component, sinceMs = -Infinity, untilMs = Infinity } = filter
  return (
    (ids === undefined || ids.includes(letterId(letter)) || ids.includes(positionText(letter.source))) &&
    [letter.code, undefined].includes(code) &&
    [letter.source.topic, undefined].includes(topic) &&
    [letter.component, undefined].includes(component) &&
    deadAtMs >= sinceMs &&
    deadAtMs < untilMs
  )
}

/** Steps that may be repeated by appending their input again, and the topics that they read. */
const REPEATABLE: Readonly<Record<string, readonly TopicId[]>> = {
  intake: ['reviews', 'reviewLabels', 'movies'],
  'user-history': ['userActivity'],
  'movie-context': ['movieActivity'],
  scorer: ['reviewFeatures'],
}

export function isRepeatable(component: string, topic: TopicId): boolean {
  return REPEATABLE[component]?.includes(topic) ?? false
}
