import { setTimeout as hold } from 'node:timers/promises'
import { until } from '../support/pipeline.ts'
import { PROCESSES } from './plan.ts'
import type { FaultySystem } from './system.ts'

const STUCK = 'SPL_TRANSACTION_STUCK'
/** A step's deadline, and the start of a process. */
const FROZEN_MS = 20_000
const TRIES = 5

interface Freeze {
  readonly pid: () => number
  /** What has to happen besides before the broker wakes. */
  readonly whileFrozen?: () => Promise<void>
}

/** Freezes a broker until a step of a transaction passes its deadline, and a process is started anew for it. */
export async function freezeStep(system: FaultySystem, freeze: Freeze): Promise<void> {
  // it has to be met within a transaction, and those are short
  for (let tries = 1; !(await freezesAStep(system, freeze)); tries += 1)
    if (tries === TRIES) throw new Error(`no transaction was under way in ${tries} freezes of the broker`)
}

async function freezesAStep(system: FaultySystem, { pid, whileFrozen }: Freeze): Promise<boolean> {
  const worked = async (): Promise<number> => {
    const counts = await Promise.all(PROCESSES.map((name) => system.processed(name)))
    return counts.reduce((sum, count) => sum + count, 0)
  }
  let last = Infinity // a process that starts anew counts from 0
  await until('the pipeline is busy', async () => {
    const [before, now] = [last, await worked()]
    last = now
    return now > before
  })
  const restarts = restartsOf(system)
  const isStuck = (): boolean =>
    system.statuses().some(({ name, lastFailure, ...status }) => {
      return status.restarts > (restarts.get(name) ?? 0) && lastFailure?.includes(STUCK) === true
    })
  const broker = pid()
  process.kill(broker, 'SIGSTOP')
  try {
    const untilMs = Date.now() + FROZEN_MS
    while (!isStuck() && Date.now() < untilMs) await hold(100)
    await whileFrozen?.()
    return isStuck()
  } finally {
    process.kill(broker, 'SIGCONT')
  }
}

function restartsOf(system: FaultySystem): Map<string, number> {
  return new Map(system.statuses().map(({ name, restarts }) => [name, restarts]))
}
