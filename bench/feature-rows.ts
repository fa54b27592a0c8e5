import { World } from '../producers/world/world.ts'
import type { ReviewFeatures } from '../schemas/generated.ts'
import { topics } from '../schemas/topics.ts'
import { chain } from '../test/support/fold-chain.ts'
import type { Log } from '../test/support/review-world.ts'

/** The feature rows of a generated world, folded in memory. */
export function featureRows(reviews: number): readonly ReviewFeatures[] {
  const world = new World({ seed: 7, rate: 10, speed: 15_768, startMs: Date.UTC(2026, 0, 1), reviews })
  const log: Log[number][] = []
  for (const { topic, value, eventTimeMs } of world.events()) {
    const position = { topic: topics[topic].name, partition: 0, offset: log.length }
    log.push({ key: null, value, position, appendedAtMs: eventTimeMs })
  }
  return chain(log).rows
}
