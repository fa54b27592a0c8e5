/** Each bucket is this much wider than the one before: quantiles are right to 2 %. */
const GROWTH = 1.02
/** Reaches beyond an hour. */
const BUCKETS = 800

/** Durations in constant memory: counts in buckets that grow by 2 %, from 1 ms. */
export class LatencyHistogram {
  readonly #counts = new Uint32Array(BUCKETS)
  #total = 0

  /** @param ms Below 1 counts as 1. */
  add(ms: number): void {
    const bucket = Math.floor(Math.log(Math.max(1, ms)) / Math.log(GROWTH))
    const index = Math.min(BUCKETS - 1, bucket)
    this.#counts[index] = (this.#counts[index] as number) + 1
    this.#total += 1
  }

  merge(other: LatencyHistogram): void {
    for (const [i, count] of other.#counts.entries()) this.#counts[i] = (this.#counts[i] as number) + count
    this.#total += other.#total
  }

  /** The duration that a share of all stays below, in milliseconds; null when there is none. */
  quantile(share: number): number | null {
    let left = share * this.#total
    if (this.#total === 0) return null
    for (const [i, count] of this.#counts.entries()) {
      left -= count
      if (count > 0 && left <= 0) return Math.round(GROWTH ** (i + 0.5))
    }
    return null
  }
}
