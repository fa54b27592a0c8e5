import type { Film } from './film.ts'

const DAY_MS = 86_400_000
/** A film just released draws this many times its usual reviews; the rush halves in about three weeks. */
const RELEASE_RUSH = 12
const RUSH_DECAY_DAYS = 30

/** Draws films by popularity and age. Weights are those of the event day, so that they do not depend on call order. */
export class FilmPicker {
  private readonly films: readonly Film[]
  private readonly cumulative: Float64Array
  private day = NaN

  constructor(films: readonly Film[]) {
    this.films = films
    this.cumulative = new Float64Array(films.length)
  }

  /** @param uniform In [0, 1). @throws RangeError if no film is released by then. */
  pick(eventTimeMs: number, uniform: number): Film {
    const day = Math.floor(eventTimeMs / DAY_MS)
    if (day !== this.day) this.reweigh(day)
    const { cumulative } = this
    const target = uniform * (cumulative[cumulative.length - 1] as number)
    let low = 0
    let high = cumulative.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if ((cumulative[middle] as number) > target) high = middle
      else low = middle + 1
    }
    return this.films[low] as Film
  }

  private reweigh(day: number): void {
    let sum = 0
    this.films.forEach((film, index) => {
      const ageDays = day - film.releasedAtMs / DAY_MS
      if (ageDays >= 0) sum += film.popularity * (1 + RELEASE_RUSH * Math.exp(-ageDays / RUSH_DECAY_DAYS))
      this.cumulative[index] = sum
    })
    if (sum === 0) throw new RangeError('no film is released yet')
    this.day = day
  }
}
