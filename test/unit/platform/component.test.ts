import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ComponentMessage } from '../../../platform/component.ts'

const COMPONENT = join(import.meta.dirname, '../../fixtures/components/scripted.ts')

let folder: string
const running = new Set<ChildProcess>()
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'component-'))
})
afterEach(() => {
  for (const child of running) child.kill('SIGKILL')
  running.clear()
  rmSync(folder, { recursive: true })
})

function start(behaviour: string, env: Record<string, string> = {}) {
  const script = join(folder, 'script')
  writeFileSync(script, behaviour)
  const child = fork(COMPONENT, [script], { env: { STATE_DIR: folder, ...env }, stdio: 'pipe', execArgv: [] })
  running.add(child)
  const stdout = child.stdout as Readable
  const messages: ComponentMessage[] = []
  const output: string[] = []
  child.on('message', (message) => messages.push(message as ComponentMessage))
  stdout.on('data', (chunk) => output.push(String(chunk)))
  const ends = [once(child, 'exit'), once(stdout, 'end'), once(child, 'disconnect')]
  const ended = Promise.all(ends).then(([exit]) => (exit?.[0] ?? exit?.[1]) as number | NodeJS.Signals)
  return { child, messages, output, ended, listening: once(child, 'message') }
}

describe('the way it ends tells the supervisor what to do', () => {
  test.each([
    { behaviour: 'finish at once', end: 0, told: undefined },
    { behaviour: 'ask for a person', end: 3, told: { code: 'SPL_TOPIC_DIFFERS', says: 'reviews has 6 partitions' } },
    { behaviour: 'ask for a new process', end: 'SIGKILL', told: { code: 'SPL_TRANSACTION_STUCK', says: 'committing' } },
    {
      behaviour: 'fail while a client cannot be closed',
      end: 'SIGKILL',
      told: { code: 'SPL_TRANSACTION_STUCK', says: 'committing' },
    },
    {
      behaviour: 'fail while a native call hangs',
      end: 'SIGKILL',
      told: { code: 'SPL_TRANSACTION_STUCK', says: 'committing' },
    },
    { behaviour: 'fail with a bug', end: 'SIGKILL', told: { code: 'unknown', says: 'a bug of ours' } },
    { behaviour: 'throw in a callback', end: 'SIGKILL', told: { code: 'unknown', says: 'nobody caught this' } },
    { behaviour: 'leave a promise rejected', end: 'SIGKILL', told: { code: 'unknown', says: 'nobody awaited this' } },
  ])('$behaviour: $end', async ({ behaviour, end, told }) => {
    const { messages, output, ended } = start(behaviour)
    expect(await ended).toBe(end)
    const stopping = messages.filter((message) => message.kind === 'stopping')
    expect(stopping).toHaveLength(told === undefined ? 0 : 1)
    if (told === undefined) return
    expect(stopping[0]).toMatchObject({ code: told.code, message: expect.stringContaining(told.says) as string })
    expect(output.join('')).toContain(told.says) // the log has it too
  })

  test('an invalid setting: 3, since no restart mends it, and the setting is named', async () => {
    const { messages, ended } = start('wait for the end', { TOPIC_PARTITIONS: '0' })
    expect(await ended).toBe(3)
    expect(messages).toEqual([
      {
        kind: 'stopping',
        code: 'SPL_CONFIG_INVALID',
        message: expect.stringContaining('TOPIC_PARTITIONS') as string,
      },
    ])
  })
})

describe('a running component', () => {
  test('says where it serves metrics and readiness', async () => {
    const { messages, listening } = start('wait for the end')
    await listening
    const [message] = messages
    if (message?.kind !== 'listening') throw new Error('no address was told')
    expect((await fetch(`${message.url}/metrics`)).status).toBe(200)
  })

  test.each(['SIGTERM', 'SIGINT'] as const)('finishes its batch on %s and ends well', async (signal) => {
    const { child, output, listening, ended } = start('wait for the end')
    await listening
    child.kill(signal)
    expect(await ended).toBe(0)
    expect(output.join('')).toContain('the batch is finished')
  })

  test('finishes its batch and ends when its supervisor is gone', async () => {
    const { child, output, listening, ended } = start('wait for the end')
    await listening
    child.disconnect()
    expect(await ended).toBe(0)
    expect(output.join('')).toContain('the batch is finished')
  })

  test('ends by itself when it cannot finish, though its supervisor is gone too', async () => {
    const { child, output, listening, ended } = start('never finish', { SHUTDOWN_DEADLINE_MS: '200' })
    await listening
    child.disconnect()
    expect(await ended).toBe('SIGKILL')
    expect(output.join('')).toContain('did not finish in time')
  })
})
