import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { identifyProcess, isRunning } from '../../../platform/process-identity.ts'
import { claimFolder, endLeftovers, recordChild } from '../../../local-stack/run-records.ts'

let folder: string
const started: ChildProcess[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'run-'))
})
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL')
  rmSync(folder, { recursive: true })
})

/** A process that leads its own group and runs until it is told to end. */
async function startIdler(script = ''): Promise<ChildProcess & { readonly pid: number }> {
  const source = `${script};setInterval(() => undefined, 1000);process.stdout.write('up')`
  const child = spawn(process.execPath, ['-e', source], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] })
  started.push(child)
  await once(child.stdout, 'data')
  return child as unknown as ChildProcess & { readonly pid: number }
}

test('a process is known by its start, not by its pid alone', () => {
  const mine = identifyProcess(process.pid)
  if (mine === undefined) throw new Error('this process was not found')
  expect(isRunning(mine)).toBe(true)
  expect(isRunning({ ...mine, startedAt: `${mine.startedAt}0` })).toBe(false)
  expect(isRunning({ ...mine, program: '/bin/other' })).toBe(false)
})

test('a process stays the same when it renames itself', async () => {
  const { pid } = await startIdler("process.title = 'renamed'")
  const identity = identifyProcess(pid)
  expect(identity).toBeDefined()
  expect(identity?.program).toBe(identifyProcess(process.pid)?.program)
})

test('a process that has ended but was not waited for does not run', async () => {
  // the shell's child ends at once and stays a zombie, since exec leaves nobody to wait for it
  const shell = spawn('sh', ['-c', 'true & echo $!; exec sleep 30'], { stdio: ['ignore', 'pipe', 'ignore'] })
  started.push(shell)
  const [line] = (await once(shell.stdout, 'data')) as [Buffer]
  await expect.poll(() => identifyProcess(Number(line.toString()))).toBeUndefined()
})

test('what a killed owner left is ended, and its record removed', async () => {
  const child = await startIdler()
  recordChild(folder, 'kafka', child.pid)
  const exited = once(child, 'exit')
  expect(await endLeftovers(folder)).toEqual(['kafka'])
  expect((await exited)[1]).toBe('SIGTERM')
  expect(readdirSync(folder)).toEqual([])
})

test('a stranger that got the pid of a leftover is left alone', async () => {
  const child = await startIdler()
  const identity = identifyProcess(child.pid)
  writeFileSync(join(folder, 'kafka.json'), JSON.stringify({ ...identity, startedAt: 'another boot:1' }))
  writeFileSync(join(folder, 'redis.json'), '{"pid": 1')
  expect(await endLeftovers(folder)).toEqual([])
  expect(child.exitCode ?? child.signalCode).toBeNull()
  expect(readdirSync(folder)).toEqual([])
})

test('a second owner is refused and told the pid of the first; after the first gave up it is let in', async () => {
  const owner = await startIdler()
  writeFileSync(join(folder, 'owner.json'), JSON.stringify(identifyProcess(owner.pid)))
  expect(() => claimFolder(folder)).toThrow(
    expect.objectContaining({ code: 'SPL_STACK_FAILED', context: { pid: owner.pid } }) as Error,
  )
  expect(existsSync(join(folder, 'owner.json'))).toBe(true)

  owner.kill('SIGKILL')
  await once(owner, 'exit')
  const release = claimFolder(folder)
  expect(() => claimFolder(folder)).toThrow(`process ${process.pid} runs a stack there`)
  release()
  claimFolder(folder)()
  expect(readdirSync(folder)).toEqual([])
})

test.each(['', '{"pid":', '{"pid":4194304,"startedAt":"x","program":"/bin/x"}'])(
  'the stale claim %j is replaced',
  (claim) => {
    writeFileSync(join(folder, 'owner.json'), claim)
    claimFolder(folder)()
    expect(readdirSync(folder)).toEqual([])
  },
)
