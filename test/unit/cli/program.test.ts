import type { Command } from 'commander'
import { expect, test } from 'vitest'
import type { CliContext } from '../../../cli/context.ts'
import { describeFailure } from '../../../cli/failure.ts'
import { shieldProgram } from '../../../cli/program.ts'
import { loadConfig } from '../../../platform/config.ts'

interface Ran {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** Nobody listens on port 1, and nothing is kept in the state folder. */
const NOWHERE = {
  KAFKA_BROKERS: '127.0.0.1:1',
  SCHEMA_REGISTRY_URL: 'http://127.0.0.1:1',
  REDIS_URL: 'redis://me:hunter2@127.0.0.1:1',
  STATE_DIR: '/nowhere',
}

/** The command in this process, as main.ts runs it. */
async function shield(...line: string[]): Promise<Ran> {
  const written = { stdout: '', stderr: '' }
  const exit = { code: 0 }
  const sink = (name: 'stdout' | 'stderr') => ({ write: (text: string) => void (written[name] += text) })
  try {
    await shieldProgram(contextOf(sink('stdout'), sink('stderr'), exit)).parseAsync(line, { from: 'user' })
  } catch (error) {
    const { exitCode, text } = describeFailure(error)
    exit.code = exitCode
    written.stderr += text
  }
  return { exitCode: exit.code, ...written }
}

function contextOf(stdout: CliContext['stdout'], stderr: CliContext['stderr'], exit: { code: number }): CliContext {
  return {
    env: NOWHERE,
    stdout,
    stderr,
    signal: new AbortController().signal,
    config: () => loadConfig(NOWHERE),
    exitWith: (code) => void (exit.code = code),
  }
}

function leaves(command: Command, path: readonly string[] = []): string[][] {
  if (command.commands.length === 0) return [[...path]]
  return command.commands.flatMap((child) => leaves(child, [...path, child.name()]))
}

const sink = { write: () => undefined }
const COMMANDS = leaves(shieldProgram(contextOf(sink, sink, { code: 0 })))

test('there are all the commands', () => {
  const names = COMMANDS.map((path) => path.join(' '))
  for (const name of [
    'start',
    'stack',
    'config',
    'status',
    'topics',
    'tail',
    'dlq ls',
    'redis rebuild',
    'produce world',
    'score',
    'models ls',
    'models show',
    'models promote',
    'quality',
    'label next',
    'label put',
  ])
    expect(names).toContain(name)
})

test.each(COMMANDS.map((path) => [path.join(' ')]))('shield %s explains itself and gives an example', async (line) => {
  const { exitCode, stdout } = await shield(...line.split(' '), '--help')
  expect(exitCode).toBe(0)
  expect(stdout).toContain(`Usage: shield ${line}`)
  expect(stdout).toMatch(/Examples?:\n {2}\S/)
})

test.each([
  ['strat', /SPL_USAGE.*'strat'\n.*start/],
  ['tail spoiler-score', /SPL_USAGE[^]*did you mean spoiler-scores\?/],
  ['tail zzz', /SPL_USAGE[^]*Topics are: reviews, /],
  ['tail', /SPL_USAGE.*topic/],
  ['tail reviews --from yesterday', /SPL_USAGE[^]*beginning, end, -100/],
  ['topics --jsn', /SPL_USAGE.*--jsn/],
  ['score He-dies.', /SPL_USAGE[^]*--movie/],
  ['score He-dies. --movie m1 --rating good', /SPL_USAGE[^]*whole number/],
  ['label put r1 maybe', /SPL_USAGE[^]*spoiler or clean/],
  ['models promote baseline', /SPL_USAGE[^]*baseline@0123456789abcdef/],
  ['start --for soon', /SPL_USAGE[^]*90s/],
  ['start --port web=80', /SPL_USAGE[^]*kafka=19092/],
  ['start --port kafka=99999', /SPL_USAGE[^]*kafka=19092/],
])('shield %s is a wrong command line: exit code 2 and what would be right', async (line, expected) => {
  const { exitCode, stderr, stdout } = await shield(...line.split(' '))
  expect(exitCode).toBe(2)
  expect(stderr).toMatch(expected)
  expect(stdout).toBe('')
})

test.each([
  'topics',
  'tail reviews',
  'dlq ls',
  'redis rebuild',
  'produce world --limit 1',
  'score He-dies. --movie m1',
  'models ls',
  'quality',
  'label next',
  'label put r1 clean',
  'models promote baseline@0123456789abcdef',
])('shield %s says at once that there is no broker, and how to get one', async (line) => {
  const { exitCode, stderr } = await shield(...line.split(' '))
  expect(exitCode).toBe(1)
  expect(stderr).toMatch(/^SPL_BROKER_UNAVAILABLE[^]*127\.0\.0\.1:1[^]*npm start/)
  expect(stderr).not.toMatch(/^ +at /m)
})

test('status says what is not reachable and that nothing runs, without a secret', async () => {
  const { exitCode, stdout } = await shield('status')
  expect(exitCode).toBe(1)
  expect(stdout.match(/not reachable/g)).toHaveLength(3)
  expect(stdout).toContain('npm start')
  expect(stdout).not.toContain('hunter2')
  const json = await shield('status', '--json')
  expect(JSON.parse(json.stdout)).toMatchObject({ ready: false, components: null })
  expect(json.stdout).not.toContain('hunter2')
})

test('config prints every setting and masks secrets', async () => {
  const { stdout, exitCode } = await shield('config', '--json')
  const settings = JSON.parse(stdout) as { name: string; value: string; description: string }[]
  expect(exitCode).toBe(0)
  expect(settings.find(({ name }) => name === 'REDIS_URL')?.value).toBe('redis://***@127.0.0.1:1')
  expect(settings.every(({ description }) => description !== '')).toBe(true)
  expect((await shield('config')).stdout).not.toContain('hunter2')
})
