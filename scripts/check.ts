// Runs every check that needs no running system, and says how to mend what fails.
import { spawn } from 'node:child_process'
import { realpathSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '..')
const CACHE = 'node_modules/.cache'

export interface Check {
  readonly name: string
  /** Arguments of Node; a name of node_modules/.bin as the first stands for that tool. */
  readonly command: readonly string[]
  /** What a person does when it fails. */
  readonly mend: string
}

/** The longest come first, so that they do not run alone at the end. */
const CHECKS: readonly Check[] = [
  {
    name: 'lint',
    command: ['eslint', '.', '--cache', '--cache-strategy=content', `--cache-location=${CACHE}/eslint/`],
    mend: 'npx eslint --fix FILE mends some; the rest by hand, docs/STYLE.md says why',
  },
  {
    name: 'types',
    command: ['tsc', '-p', '.', '--incremental', '--tsBuildInfoFile', `${CACHE}/tsc/check.tsbuildinfo`],
    mend: 'by hand',
  },
  {
    name: 'format',
    command: ['prettier', '--check', '.', '--log-level=warn', '--cache', `--cache-location=${CACHE}/prettier/check`],
    mend: 'npm run format',
  },
  { name: 'dead code', command: ['knip', '--no-progress'], mend: 'delete what nobody uses, or stop exporting it' },
  {
    name: 'imports',
    command: ['scripts/check-imports.ts'],
    mend: 'move the code to a folder that may import it: docs/STYLE.md, section 1',
  },
  { name: 'generated files', command: ['scripts/generate-schemas.ts', '--check'], mend: 'npm run generate' },
  {
    name: 'schema compatibility',
    command: ['scripts/check-schemas.ts'],
    mend: 'add fields with defaults, never rename; then node scripts/check-schemas.ts --record',
  },
  {
    name: 'containers',
    command: ['scripts/check-containers.ts'],
    mend: 'edit Dockerfile, .dockerignore or docker-compose.yml as named',
  },
  { name: 'docs lists', command: ['scripts/check-docs.ts'], mend: 'edit docs/ERRORS.md or docs/TOPICS.md as named' },
]

export interface CheckResult {
  readonly name: string
  readonly passed: boolean
}

/** Runs the checks side by side, as many as there are cores, and writes one line for each as it ends. */
export async function runChecks(
  write: (text: string) => void,
  checks: readonly Check[] = CHECKS,
): Promise<readonly CheckResult[]> {
  const waiting = [...checks]
  const results: CheckResult[] = []
  const worker = async (): Promise<void> => {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
      const startedMs = performance.now()
      const { exitCode, output } = await run(check.command)
      const passed = exitCode === 0
      const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
      write(`${passed ? '✓' : '✗'} ${check.name} ${seconds} s\n`)
      if (!passed) write(`${output.trimEnd()}\n  to mend: ${check.mend}\n`)
      results.push({ name: check.name, passed })
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, worker))
  return results
}

/** A command that cannot be started fails like one that ends badly. */
async function run([first = '', ...rest]: readonly string[]): Promise<{ exitCode: number | null; output: string }> {
  const isTool = /^[a-z]+$/.test(first)
  const { promise, resolve } = Promise.withResolvers<{ exitCode: number | null; output: string }>()
  const chunks: Buffer[] = []
  const program = isTool ? realpathSync(join(ROOT, 'node_modules/.bin', first)) : first
  const child = spawn(process.execPath, [program, ...rest], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  child.on('error', (error) => resolve({ exitCode: null, output: error.message }))
  child.on('close', (exitCode) => resolve({ exitCode, output: Buffer.concat(chunks).toString('utf8') }))
  return promise
}

if (import.meta.main) {
  const startedMs = performance.now()
  const results = await runChecks((text) => process.stdout.write(text))
  const failed = results.filter(({ passed }) => !passed).length
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
  process.stdout.write(`${results.length - failed} checks passed, ${failed} failed in ${seconds} s\n`)
  if (failed > 0) process.exitCode = 1
}
