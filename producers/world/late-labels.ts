import type { Review, ReviewLabel } from '../../schemas/generated.ts'
import type { SeededRandom } from '../../stats/random.ts'

const DAY_MS = 86_400_000
/** No label comes later than this after its review, nor a revision after its label: it bounds the labels in flight. */
export const LONGEST_LABEL_DELAY_MS = 60 * DAY_MS
const NEVER_LABELLED = 0.06
const REVISED = 0.04
/** Of the revised labels, those whose first revision was wrong; the others are confirmed. */
const REVISED_FLIPS = 0.6

const SOURCES = [
  { source: 'self-declared', share: 0.7, medianMs: DAY_MS, sigma: 1 },
  { source: 'report', share: 0.18, medianMs: 3 * DAY_MS, sigma: 0.9 },
  { source: 'moderator', share: 0.12, medianMs: 5 * DAY_MS, sigma: 0.8 },
] as const

/** When and by whom a review is labelled; the last revision tells the truth. */
export function lateLabels(review: Review, isSpoiler: boolean, random: SeededRandom): ReviewLabel[] {
  if (random.chance(NEVER_LABELLED)) return []
  const { source, medianMs, sigma } = sourceFor(random.uniform())
  const { reviewId, userId, movieId, writtenAtMs } = review
  const firstAtMs = writtenAtMs + delay(medianMs, sigma, random)
  const first = { reviewId, userId, movieId, isSpoiler, source, labelledAtMs: firstAtMs, revision: 0 }
  if (!random.chance(REVISED)) return [first]
  const flips = random.chance(REVISED_FLIPS)
  const again = { ...first, source: 'moderator', labelledAtMs: firstAtMs + delay(6 * DAY_MS, 0.7, random), revision: 1 }
  return [{ ...first, isSpoiler: flips ? !isSpoiler : isSpoiler }, again]
}

function sourceFor(uniform: number): (typeof SOURCES)[number] {
  const [self, report, moderator] = SOURCES
  if (uniform < self.share) return self
  return uniform < self.share + report.share ? report : moderator
}

function delay(medianMs: number, sigma: number, random: SeededRandom): number {
  return Math.ceil(Math.min(random.lognormal(medianMs, sigma), LONGEST_LABEL_DELAY_MS))
}
