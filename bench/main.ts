// Benchmarks of the running pipeline. Each prints one JSON line; bench/RESULTS.md keeps runs with command and machine.
//   npm run bench -- folds | everything | latency-folds | latency | memory | lake   [--reviews N]
import process from 'node:process'
import { parseArgs } from 'node:util'
import { lake } from './lake.ts'
import { latency } from './latency.ts'
import { memory } from './memory.ts'
import { saturation } from './saturation.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    reviews: { type: 'string' },
    rate: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '30' },
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
}

const chosen = positionals.length > 0 ? positionals : Object.keys(BENCHMARKS)
for (const name of chosen) {
  const benchmark = BENCHMARKS[name]
  if (benchmark === undefined)
    throw new Error(`no benchmark '${name}'; there are ${Object.keys(BENCHMARKS).join(', ')}`)
  process.stdout.write(`${JSON.stringify({ benchmark: name, ...(await benchmark()) })}\n`)
}
