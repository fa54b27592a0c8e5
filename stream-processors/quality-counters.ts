import type { OutcomeLabel, QualityCounters, ScoreTrace } from '../schemas/generated.ts'
import type { ReadonlyStore } from '../schemas/processor.ts'
import { counted, NOTHING_COUNTED } from '../stats/quality-counts.ts'

/** The slice of all reviews. */
export const ALL = 'all'
/** Instead of a source of labels: every scored review, labelled or not. */
export const SCORED = 'scored'

/** What is known of a score. */
interface Known {
  readonly score: ScoreTrace
  readonly label: OutcomeLabel | null
}

export interface Change {
  readonly before: Known | null
  readonly after: Known
}

/** Counters that changes touch, with their keys in the store: what was known is taken back, what is known now counts. */
export function changedCounters(
  changes: readonly Change[],
  store: ReadonlyStore<QualityCounters>,
  partition: number,
): readonly (readonly [key: readonly string[], value: QualityCounters])[] {
  const changed = new Map<string, readonly [readonly string[], QualityCounters]>()
  const count = (known: Known, times: 1 | -1, labelSource: string): void => {
    const { mode, modelName, modelVersion, probability, isSpoiler: isCalled, textUnits: units, slices } = known.score
    const isPositive = labelSource === SCORED ? null : (known.label?.isSpoiler ?? null)
    for (const slice of [ALL, ...slices]) {
      const key = [mode, modelName, modelVersion, slice, labelSource]
      const id = JSON.stringify(key)
      const before = changed.get(id)?.[1] ?? store.get(key) ?? NOTHING_COUNTED
      const counts = counted(before, { probability, isCalled, units, isPositive }, times)
      changed.set(id, [key, { mode, modelName, modelVersion, slice, labelSource, partition, ...counts }])
    }
  }
  for (const { before, after } of changes) {
    if (before?.score !== after.score) {
      if (before !== null) count(before, -1, SCORED)
      count(after, 1, SCORED)
    }
    if (before !== null && before.label !== null) count(before, -1, before.label.source)
    if (after.label !== null) count(after, 1, after.label.source)
  }
  return [...changed.values()]
}
