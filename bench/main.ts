// Benchmarks of the running pipeline. Each prints one JSON line; bench/RESULTS.md keeps runs with command and machine.
//   npm run bench -- folds | everything | latency-folds | latency | memory | lake | dataset | state | replay | fences | drift | training | quality   [--reviews N]
//   npm run bench -- scoring | swaps | shield-score   [--reviews N] [--model FOLDER] [--swaps N]
import process from 'node:process'
import { parseArgs } from 'node:util'
import { dataset } from './dataset.ts'
import { driftCost } from './drift.ts'
import { fences } from './fences.ts'
import { lake } from './lake.ts'
import { latency } from './latency.ts'
import { memory } from './memory.ts'
import { quality } from './quality/quality.ts'
import { replay } from './replay.ts'
import { saturation } from './saturation.ts'
import { scoring } from './scoring.ts'
import { shieldScore } from './shield-score.ts'
import { state } from './state.ts'
import { swaps } from './swaps.ts'
import { training } from './training.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    reviews: { type: 'string' },
    rate: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '30' },
    model: { type: 'string' },
    swaps: { type: 'string', default: '30' },
  },
})
const reviews = (byDefault: number): number => Number(values.reviews ?? byDefault)

const pace = { rate: Number(values.rate), seconds: Number(values.seconds) }

const BENCHMARKS: Readonly<Record<string, () => Promise<object>>> = {
  folds: () => saturation({ reviews: reviews(60_000), labels: false, processes: ['folds'] }),
  everything: () => saturation({ reviews: reviews(60_000), labels: true, processes: ['folds', 'scorer', 'sinks'] }),
  'latency-folds': () => latency({ ...pace, labels: false, processes: ['folds'] }),
  latency: () => latency({ ...pace, labels: true, processes: ['folds', 'scorer', 'sinks'] }),
  memory: () => memory(reviews(200_000)),
  lake: () => lake(reviews(60_000)),
  dataset: () => dataset(reviews(200_000)),
  // of so many users, with one review each
  state: () => state(reviews(1_000_000)),
  replay: () => replay(reviews(30_000)),
  fences: () => fences(),
  drift: () => driftCost(reviews(40_000)),
  scoring: () => scoring(reviews(8_000), values.model),
  swaps: () => swaps(Number(values.swaps)),
  'shield-score': () => shieldScore(),
  training: () => training(reviews(40_000), process.env['PATH'] ?? ''),
  quality: () => quality(process.env),
}

const chosen = positionals.length > 0 ? positionals : Object.keys(BENCHMARKS)
for (const name of chosen) {
  const benchmark = BENCHMARKS[name]
  if (benchmark === undefined)
    throw new Error(`no benchmark '${name}'; there are ${Object.keys(BENCHMARKS).join(', ')}`)
  process.stdout.write(`${JSON.stringify({ benchmark: name, ...(await benchmark()) })}\n`)
}
