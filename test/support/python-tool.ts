import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { env } from 'node:process'
import { promisify } from 'node:util'

const ROOT = join(import.meta.dirname, '../..')
const run = promisify(execFile)
const MOST_OUTPUT = 256 * 1024 ** 2

/**
 * Runs a script of trainers/python with the packages that `scripts/setup.mjs --only PURPOSE` has brought, without
 * telemetry. @returns what it prints.
 */
export async function runPythonTool(
  purpose: 'feast' | 'evidently',
  script: string,
  args: readonly string[],
): Promise<string> {
  const record = readFileSync(join(ROOT, 'node_modules/.spoiler-shield/setup.json'), 'utf8')
  const { pythonPath } = (JSON.parse(record) as Record<typeof purpose, { pythonPath: string }>)[purpose]
  const { PYTHONDONTWRITEBYTECODE: _, ...kept } = env // without it every start would compile the packages anew
  const { stdout } = await run('python3', ['-s', join(ROOT, 'trainers/python', script), ...args], {
    env: { ...kept, PYTHONPATH: pythonPath, DO_NOT_TRACK: '1' },
    maxBuffer: MOST_OUTPUT,
  })
  return stdout
}
