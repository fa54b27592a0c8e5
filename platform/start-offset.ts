import type { Watermarks } from './kafka-consumer.ts'
import { SpoilerError } from './spoiler-error.ts'

interface StartFacts {
  /** The group's committed offset; null when it has none. */
  readonly committed: number | null
  /**
   * The offset up to which the restored state was folded; without state, one that was certainly passed. Null when
   * nothing proves that the partition was ever worked on.
   */
  readonly applied: number | null
  /** True when the task keeps state. */
  readonly stateful: boolean
  readonly watermarks: Watermarks
  readonly missingRecords: 'stop' | 'skip'
}

/**
 * Where to begin reading a partition. Never guesses: whatever could lose or double a record stops the component.
 *
 * @param input `topic/partition`, for the message.
 * @throws SpoilerError SPL_OFFSET_MISMATCH, SPL_OFFSET_OUT_OF_RETENTION, SPL_OFFSET_BEYOND_LOG, SPL_OFFSET_MISSING.
 */
export function startOffset(input: string, facts: StartFacts): number {
  const { committed, applied, stateful, watermarks, missingRecords } = facts
  if (committed === null) {
    if (applied !== null) throw mismatch(input, facts)
    if (watermarks.low === 0 || missingRecords === 'skip') return watermarks.low
    throw stop('SPL_OFFSET_MISSING', facts, [
      `starting on ${input}: the group has no committed offset, and the log begins at ${watermarks.low}, not at 0.`,
      'If this is the first start and the deleted records may be left out, set MISSING_RECORDS=skip once.',
    ])
  }
  // Without state nothing has been folded yet: only the very first positions were committed.
  const folded = stateful ? (applied ?? Math.min(committed, watermarks.low)) : committed
  if (folded !== committed) throw mismatch(input, facts)
  if (committed > watermarks.high) {
    throw stop('SPL_OFFSET_BEYOND_LOG', facts, [
      `starting on ${input}: offset ${committed} is next, but the log ends at ${watermarks.high}.`,
      'The topic was deleted or recreated: recreate the topics that follow from it too, and start with LINEAGE one higher.',
    ])
  }
  if (committed >= watermarks.low) return committed
  if (missingRecords === 'skip') return watermarks.low
  throw stop('SPL_OFFSET_OUT_OF_RETENTION', facts, [
    `starting on ${input}: offset ${committed} is next, but retention has deleted everything before ${watermarks.low}.`,
    `To go on without these ${watermarks.low - committed} records set MISSING_RECORDS=skip once; then raise retention.ms.`,
  ])
}

function mismatch(input: string, facts: StartFacts): SpoilerError {
  if (facts.committed === null) {
    return stop('SPL_OFFSET_MISMATCH', facts, [
      `starting on ${input}: it was worked on up to offset ${String(facts.applied)} at least, the group has no committed offset.`,
      'The topic was deleted or recreated, and the broker forgot the offsets with it: recreate the topics that follow from',
      'it too, the changelog included, and start with LINEAGE one higher. If only the group was forgotten, put its offset back.',
    ])
  }
  return stop('SPL_OFFSET_MISMATCH', facts, [
    `starting on ${input}: state was folded up to offset ${String(facts.applied)}, the group has committed ${String(facts.committed)}.`,
    'Somebody moved the group or the changelog. Put the committed offset back, or rebuild the state from the log.',
  ])
}

function stop(code: SpoilerError['code'], facts: StartFacts, lines: readonly string[]): SpoilerError {
  return new SpoilerError(code, lines.join('\n'), { onError: 'stop', context: { ...facts } })
}
