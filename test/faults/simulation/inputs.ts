import { World } from '../../../producers/world/world.ts'
import type { Review } from '../../../schemas/generated.ts'
import type { PublicRecord } from './simulate.ts'

/** Append time of the first record: past everything that happens in the world. */
export const SIMULATION_START_MS = Date.UTC(2026, 0, 1)
const REVISED_EVERY = 5
const POISON_EVERY = 9
const POISON = Buffer.from('{"reviewId":"cut')

/** A small world with few films; every few reviews one is revised at once, and every few records one is poison. */
export function simulatedInputs(seed: number, reviews: number): PublicRecord[] {
  const world = new World({ seed, rate: 200, speed: 21_600, startMs: SIMULATION_START_MS, reviews, films: 3 })
  const inputs: PublicRecord[] = []
  let count = 0
  for (const { topic, value } of world.events()) {
    inputs.push({ topic, value })
    if (topic === 'reviews') inputs.push(...besides(value, (count += 1)))
  }
  return inputs
}

function besides(review: Review, count: number): PublicRecord[] {
  const revised = { ...review, revision: 1, text: `${review.text} I have seen it again.` }
  return [
    ...(count % REVISED_EVERY === 0 ? [{ topic: 'reviews' as const, value: revised }] : []),
    ...(count % POISON_EVERY === 0 ? [{ topic: 'reviews' as const, value: POISON }] : []),
  ]
}
