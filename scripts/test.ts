// Runs the checks and the tests and ends with the true totals in one line.
//   node scripts/test.ts                               everything
//   node scripts/test.ts unit [FILTER…]                unit tests, of the files whose paths hold a filter
//   node scripts/test.ts integration [FILTER…]         the same on a real local stack
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { runChecks } from './check.ts'
import { addTotals, NO_TESTS, suiteTotals, summaryLine, type Totals, type VitestReport } from './test-totals.ts'

const ROOT = join(import.meta.dirname, '..')
const SUITES = ['unit', 'integration'] as const
type Suite = (typeof SUITES)[number]

const write = (text: string): void => void process.stdout.write(text)

async function check(): Promise<Totals> {
  write('--- checks\n')
  const results = await runChecks(write)
  const failed = results.filter(({ passed }) => !passed).length
  return { passed: results.length - failed, failed, skipped: 0 }
}

async function suite(name: Suite, filters: readonly string[]): Promise<Totals> {
  write(`\n--- ${name} tests\n`)
  const file = join(ROOT, `node_modules/.cache/test/${name}.json`)
  rmSync(file, { force: true }) // a crash must not leave us with the figures of the last run
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
  const exitCode = await vitest(['run', `--project=${name}`, ...reporters, ...filters])
  const report = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as VitestReport) : null
  const { totals, complaint } = suiteTotals(report, exitCode)
  if (complaint !== null) write(`${name} tests: ${complaint}\n`)
  return totals
}

/**
 * Resolves to the exit code, or null when a signal ended the runner. Ctrl-C reaches it through the terminal: a second one
 * from us would keep it from stopping what its tests started.
 */
function vitest(options: readonly string[]): Promise<number | null> {
  const { promise, resolve } = Promise.withResolvers<number | null>()
  const program = join(ROOT, 'node_modules/vitest/vitest.mjs')
  const child = spawn(process.execPath, [program, ...options], {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const passOn = (signal: NodeJS.Signals): void => void child.kill(signal)
  process.on('SIGTERM', passOn)
  child.on('error', (error) => {
    write(`${error.message}\n`)
    resolve(null)
  })
  child.on('close', (exitCode) => {
    process.off('SIGTERM', passOn)
    resolve(exitCode)
  })
  return promise
}

/** A part that throws counts as one failed test, and the other parts run all the same. */
async function part(run: () => Promise<Totals>): Promise<Totals> {
  try {
    return await run()
  } catch (error) {
    write(`${(error as Error).stack ?? String(error)}\n`)
    return { passed: 0, failed: 1, skipped: 0 }
  }
}

async function main([wanted, ...filters]: readonly string[]): Promise<void> {
  const only = SUITES.find((name) => name === wanted)
  if (wanted !== undefined && only === undefined) {
    write(`no suite '${wanted}': node scripts/test.ts [unit|integration [FILTER…]]\n`)
    process.exitCode = 2
    return
  }
  const stopping = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stopping.abort())
  const parts =
    only === undefined ? [check, ...SUITES.map((name) => () => suite(name, filters))] : [() => suite(only, filters)]
  let totals = NO_TESTS
  for (const run of parts) {
    const interrupted = { passed: 0, failed: 1, skipped: 0 }
    totals = addTotals(totals, stopping.signal.aborted ? interrupted : await part(run))
  }
  write(`\n${summaryLine(totals)}\n`)
  if (totals.failed > 0) process.exitCode = 1
}

await main(process.argv.slice(2))
