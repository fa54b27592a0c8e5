import { seedOf } from '../stats/random.ts'

const PARTS = 10_000
/** Reviews that people are asked about, of 10,000. */
const AUDITED = 200

/** Whether a review is in the audit sample: 2 % of all, whatever they say and however they were scored. */
export function isAudited(reviewId: string): boolean {
  return seedOf(`audit:${reviewId}`) % PARTS < AUDITED
}
