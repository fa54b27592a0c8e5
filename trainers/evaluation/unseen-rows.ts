import type { DatasetRow } from '../dataset/dataset-row.ts'
import type { DatasetManifest } from '../dataset/manifest.ts'
import { planSpans } from '../dataset/split.ts'

/** What was fitted on nothing that any log holds: the prior that ships. */
export const SHIPPED = 'shipped'

/** What a model was fitted on. Null: nobody knows. */
export type FittedOn = DatasetManifest | typeof SHIPPED | null

type Row = Pick<DatasetRow, 'reviewId' | 'movieId' | 'appendedAtMs' | 'partition' | 'offset'>

/** Tells of a row of the span `gate` of a data set whether it is proved that a model was not fitted on it. */
export function unseenBy(fittedOn: FittedOn, dataset: DatasetManifest): (row: Row) => boolean {
  if (fittedOn === null) return () => false
  // the spans of one data set are disjoint: the builder proved it
  if (fittedOn === SHIPPED || fittedOn.id === dataset.id) return () => true
  const ends = new Map(fittedOn.rows.map(({ partition, to }) => [partition, to]))
  const isSameLog = fittedOn.lineage === dataset.lineage
  const isLaterInLog = ({ partition, offset }: Row): boolean => isSameLog && offset >= (ends.get(partition) ?? Infinity)
  const isOfGate = gateOf(fittedOn, isSameLog)
  return (row) => isOfGate(row) || isLaterInLog(row)
}

/**
 * Whether the split of the data set puts a row into its gate, from which nothing was fitted or chosen. A hash puts it
 * there whenever it comes; times say something only of the same log.
 */
function gateOf({ split, spans }: DatasetManifest, isSameLog: boolean): (row: Row) => boolean {
  if (split.by === 'movie' || split.by === 'random') {
    const { spanOf } = planSpans(split, [])
    return (row) => spanOf(row) === 'gate'
  }
  const fromMs = spans.find(({ span }) => span === 'gate')?.fromMs ?? Infinity
  return ({ appendedAtMs }) => isSameLog && appendedAtMs >= fromMs
}
