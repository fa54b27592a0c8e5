// The fault suite: everything that may go wrong happens to a real stack under load, and an oracle checks what is left.
//   npm run faults [-- --seed N --events N --rate N --brokers 1|3 --short --json]
import process from 'node:process'
import { parseArgs } from 'node:util'
import { BROKER_COUNTS, planFaults, planShort } from './plan.ts'
import { type FaultReport, runFaults } from './run-faults.ts'

// consume() holds a thread of the pool while it waits
process.env['UV_THREADPOOL_SIZE'] ??= '16'

// an exit signals the parts of the stack, and components end when their channel closes
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    events: { type: 'string', default: '100000' },
    rate: { type: 'string', default: '300' },
    brokers: { type: 'string', default: '1' },
    short: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})
const [seed, events, rate] = [values.seed, values.events, values.rate].map(Number) as [number, number, number]
if (![seed, events, rate].every((n) => Number.isSafeInteger(n) && n > 0))
  throw new RangeError('--seed, --events and --rate are whole numbers above 0')

const brokers = BROKER_COUNTS.find((count) => String(count) === values.brokers)
if (brokers === undefined) throw new RangeError(`--brokers is one of ${BROKER_COUNTS.join(', ')}`)
if (values.short && brokers > 1) throw new RangeError('the short form has one broker')

const faults = values.short ? planShort(seed) : planFaults(seed, brokers)
const onProgress = (line: string): void => void process.stderr.write(`${line}\n`)
const report = await runFaults({ seed, events, rate, brokers, faults, onProgress })
process.stdout.write(`${values.json ? JSON.stringify(report) : summary(report)}\n`)
if (report.violations.length > 0) process.exitCode = 1

function summary(r: FaultReport): string {
  const kinds = new Set(r.faults.map(({ kind }) => kind)).size
  return [
    '',
    `seed ${r.seed}, brokers ${r.brokers}: ${r.faults.length} faults of ${kinds} kinds in ${r.seconds} s`,
    `published  ${r.published} events, ${r.realEvents} of them real; ${r.reviews} reviews, ${r.poison} poison records`,
    `visible    ${r.scores} scores; ${r.committedRecords} records of transactions, ${r.abortedInLog} more were aborted`,
    `settled    ${(r.settledAfterMs / 1000).toFixed(1)} s after the last record; ${r.offsetSamples} samples of all offsets`,
    `longest    ${(r.longestSilenceMs / 1000).toFixed(1)} s in which a partition got no score`,
    ...r.violations.map((v) => `VIOLATION  ${v.stage}: ${v.symptom}, ${v.count} times, first ${v.example}`),
    r.violations.length === 0
      ? 'lost 0, duplicated 0, reordered 0, aborted records seen 0: all as the oracle says'
      : '',
  ].join('\n')
}
