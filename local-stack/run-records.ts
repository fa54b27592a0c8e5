import { linkSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { SpoilerError } from '../platform/spoiler-error.ts'
import { identifyProcess, isRunning, type ProcessIdentity } from '../platform/process-identity.ts'

const OWNER = 'owner.json'
const POLL_MS = 50
/** A leftover broker is asked to end cleanly, so that it need not recover its log. */
const ASK_MS = 15_000

const Identity = z.object({ pid: z.number().int().positive(), startedAt: z.string(), program: z.string() })

function readIdentity(file: string): ProcessIdentity | undefined {
  try {
    return Identity.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    return undefined // gone, or half written by a process that was killed
  }
}

/** Remembers a child, so that the next start finds it should this process be killed. */
export function recordChild(folder: string, name: string, pid: number): void {
  const identity = identifyProcess(pid)
  if (identity !== undefined) writeFileSync(join(folder, `${name}.json`), JSON.stringify(identity))
}

export function forgetChild(folder: string, name: string): void {
  rmSync(join(folder, `${name}.json`), { force: true })
}

/** Signals the whole group that the process leads; a group that is gone is no error. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

async function endProcess(identity: ProcessIdentity): Promise<void> {
  signalGroup(identity.pid, 'SIGTERM')
  const deadline = performance.now() + ASK_MS
  while (isRunning(identity)) {
    if (performance.now() > deadline) signalGroup(identity.pid, 'SIGKILL')
    await delay(POLL_MS)
  }
}

/**
 * Ends what a killed supervisor left running. Only processes whose start time and program are those recorded.
 *
 * @returns Names of the parts that were still running.
 */
export async function endLeftovers(folder: string): Promise<string[]> {
  const files = readdirSync(folder).filter((name) => name.endsWith('.json') && name !== OWNER)
  const ended = await Promise.all(
    files.map(async (name) => {
      const identity = readIdentity(join(folder, name))
      const runs = identity !== undefined && isRunning(identity)
      if (runs) await endProcess(identity)
      rmSync(join(folder, name), { force: true })
      return runs ? [name.replace(/\.json$/, '')] : []
    }),
  )
  return ended.flat()
}

function refuse(owner: ProcessIdentity, folder: string): never {
  const advice = `Stop it first (kill ${owner.pid}), or use another data folder.`
  throw new SpoilerError('SPL_STACK_FAILED', `claiming ${folder}: process ${owner.pid} runs a stack there\n${advice}`, {
    onError: 'stop',
    context: { pid: owner.pid },
  })
}

/** Puts a dead owner's claim aside; of several that try, one moves it. */
function removeStale(claim: string): void {
  const aside = `${claim}.stale-${process.pid}`
  try {
    renameSync(claim, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  const moved = readIdentity(aside)
  // Somebody claimed between our look and our move: give it back.
  if (moved !== undefined && isRunning(moved)) renameSync(aside, claim)
  else rmSync(aside)
}

/** Takes the claim if nobody has it; what appears under its name is whole from the first moment. */
function tryClaim(mine: string, claim: string): boolean {
  try {
    linkSync(mine, claim)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/**
 * Makes this process the only one that runs a stack in the data folder.
 *
 * @returns Gives the folder up again.
 * @throws SpoilerError SPL_STACK_FAILED naming the live process that has it.
 */
export function claimFolder(folder: string): () => void {
  mkdirSync(folder, { recursive: true })
  const claim = join(folder, OWNER)
  const mine = `${claim}.${process.pid}`
  writeFileSync(mine, JSON.stringify(identifyProcess(process.pid)))
  try {
    while (!tryClaim(mine, claim)) {
      const owner = readIdentity(claim)
      if (owner !== undefined && isRunning(owner)) refuse(owner, folder)
      removeStale(claim)
    }
    return () => rmSync(claim, { force: true })
  } finally {
    rmSync(mine)
  }
}
