import type { ReviewLabel, SpoilerScore } from '../../schemas/generated.ts'
import { decisionsAt } from '../../stats/classification.ts'
import { bestF1, ranked, rankedAveragePrecision } from '../../stats/ranking.ts'

/** Reviews that are remembered, the newest; about 150 bytes each. */
const KEPT_REVIEWS = 50_000
/** Labelled ones that count: so few that a change of the model or of the world shows soon. */
const COUNTED_REVIEWS = 2_000

/** How well a ranking and its decisions agree with the labels. Null without labels of both kinds. */
export interface Measures {
  readonly f1: number | null
  readonly prAuc: number | null
}

/** How well the newest labelled reviews were answered, whoever did. */
export interface Quality {
  /** Reviews that are remembered. */
  readonly scored: number
  /** Of these. */
  readonly labelled: number
  readonly model: Measures
  /** The same of the length of the text alone, with the threshold that turns out best in hindsight. */
  readonly length: Measures
}

interface Scored {
  readonly probability: number
  readonly isSpoiler: boolean
  readonly textUnits: number
}

/** Meets scores with their labels, whichever comes first. A label that is revised counts anew. */
export class LiveQuality {
  readonly #scores = new Map<string, Scored>()
  readonly #labels = new Map<string, ReviewLabel>()

  onScore({ reviewId, probability, isSpoiler, textUnits }: SpoilerScore): void {
    remember(this.#scores, reviewId, { probability, isSpoiler, textUnits })
  }

  onLabel(label: ReviewLabel): void {
    const known = this.#labels.get(label.reviewId)
    if (known === undefined || label.revision >= known.revision) remember(this.#labels, label.reviewId, label)
  }

  /** O(n) in the reviews that are remembered. */
  quality(): Quality {
    const labelled = [...this.#scores].flatMap(([reviewId, score]) => {
      const label = this.#labels.get(reviewId)
      return label === undefined ? [] : [{ ...score, label: label.isSpoiler }]
    })
    const newest = labelled.slice(-COUNTED_REVIEWS)
    const labels = newest.map(({ label }) => label)
    const called = newest.map(({ isSpoiler }) => (isSpoiler ? 1 : 0))
    const byProbability = ranked(
      newest.map(({ probability }) => probability),
      labels,
    )
    const byLength = ranked(
      newest.map(({ textUnits }) => textUnits),
      labels,
    )
    return {
      scored: this.#scores.size,
      labelled: labelled.length,
      model: { f1: decisionsAt(1, called, labels).f1, prAuc: rankedAveragePrecision(byProbability) },
      length: { f1: bestF1(byLength), prAuc: rankedAveragePrecision(byLength) },
    }
  }
}

function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key) // newest last
  map.set(key, value)
  const [oldest] = map.keys()
  if (map.size > KEPT_REVIEWS && oldest !== undefined) map.delete(oldest)
}
