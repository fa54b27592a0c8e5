import { type FeatureService, FEATURE_SERVICES, featureServiceOf } from '../schemas/feature-services.ts'
import type { LogPosition } from '../schemas/generated.ts'

export interface RecordedService {
  /** Of the record that the row was made of. */
  readonly position: Omit<LogPosition, 'topic'>
  readonly featureService: string
}

/** Offsets that follow one another, as far as it is known, and of which all known rows are of one service. */
interface Run {
  readonly from: number
  /** The last one. */
  readonly to: number
  readonly service: FeatureService
}

/**
 * Which feature service was live where in an input, learned from the rows that were made of it, in any order. A switch
 * is a setting of the fold and stands in no log of its own; the rows say what it was. Memory grows with the switches.
 */
export class RecordedServices {
  /** By partition, in the order of offsets; no two overlap. */
  readonly #runs = new Map<number, Run[]>()

  /** A row of a service that this code does not know is left out: nobody can make it again. */
  add({ position: { partition, offset }, featureService }: RecordedService): void {
    const service = featureServiceOf(featureService)
    if (service === undefined) return
    const runs = this.#runs.get(partition) ?? []
    this.#runs.set(partition, runs)
    // the first run that ends at the offset or behind it; the one before ends before it
    const at = indexBehind(runs, offset)
    const [before, within] = [runs[at - 1], runs[at]]
    if (within !== undefined && within.from <= offset) {
      if (within.service === service) return
      const row = { from: offset, to: offset, service }
      const parts = [{ ...within, to: offset - 1 }, row, { ...within, from: offset + 1 }]
      runs.splice(at, 1, ...parts.filter(({ from, to }) => from <= to))
    } else if (before?.service === service) runs[at - 1] = { ...before, to: offset }
    else if (within?.service === service) runs[at] = { ...within, from: offset }
    else runs.splice(at, 0, { from: offset, to: offset, service })
  }

  /** The service of the rows nearest before, else of the first ones; `spoiler_v1` where no row is known. */
  at({ partition, offset }: Omit<LogPosition, 'topic'>): FeatureService {
    const runs = this.#runs.get(partition) ?? []
    const at = indexBehind(runs, offset)
    const run = runs[at]
    const found = run !== undefined && run.from <= offset ? run : (runs[at - 1] ?? run)
    return found?.service ?? FEATURE_SERVICES.spoiler_v1
  }
}

/** Index of the first run whose end is not before the offset; their number when all end before it. */
function indexBehind(runs: readonly Run[], offset: number): number {
  let [low, high] = [0, runs.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((runs[middle] as Run).to < offset) low = middle + 1
    else high = middle
  }
  return low
}
