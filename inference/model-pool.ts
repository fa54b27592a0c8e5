import { SpoilerError } from '../platform/spoiler-error.ts'
import type { Model, Prediction, ScoringInput } from './model.ts'
import type { RowResult } from './model-messages.ts'
import { type ModelProcess, ProcessEnded } from './model-process.ts'

/** Most rows of one message: enough that a small model does not wait for the channel. */
const MOST_ROWS = 32
/** So many processes a row may end before it is given up. */
const MOST_ENDS = 2

/** Starts one more process of the same version. */
type StartProcess = () => Promise<ModelProcess>

interface PoolOptions {
  /** Processes, from 1. */
  readonly count: number
  readonly start: StartProcess
  /** Told when a process ended by itself. */
  readonly onEnd?: ((end: Error) => void) | undefined
}

/**
 * A model version in several processes, one row at a time in each. A process that ends is replaced: the rows that it
 * had are scored again, each alone, and the row that ends a second process, which was alive before it, is given up.
 *
 * @throws SpoilerError as {@link startModelProcess}.
 */
export async function startModelPool({ count, start, onEnd = () => undefined }: PoolOptions): Promise<Model> {
  const started = await Promise.allSettled(Array.from({ length: count }, start))
  const processes = started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  const failure = started.find((result) => result.status === 'rejected')
  const [first] = processes
  if (first === undefined || failure !== undefined) {
    await Promise.all(processes.map((process) => process[Symbol.asyncDispose]()))
    throw failure?.reason ?? new RangeError(`${count} processes`)
  }
  const { description } = first
  const startEqual = async (): Promise<ModelProcess> => {
    const process = await start()
    if (process.description.version === description.version) return process
    await process[Symbol.asyncDispose]()
    const doing = `starting a process of ${description.version}: its folder now holds ${process.description.version}`
    throw new SpoilerError('SPL_MODEL_INVALID', doing, { onError: 'stop' })
  }
  const queue = new RowQueue(count)
  const slots = processes.map((process) => serve(queue, process, { start: startEqual, onEnd }))
  return {
    ...description,
    score: (row) => queue.put(row),
    [Symbol.asyncDispose]: async () => {
      queue.close()
      await Promise.all(slots)
    },
  }
}

/** Gives rows to one process after the other until the queue is closed. */
async function serve(
  queue: RowQueue,
  first: ModelProcess,
  { start, onEnd }: { readonly start: StartProcess; readonly onEnd: (end: Error) => void },
): Promise<void> {
  let process = first
  for (let jobs = await queue.take(); jobs !== undefined; jobs = await queue.take()) {
    try {
      if (process.ended) process = await start()
      // one that was killed together with the row's first process is no witness against the row
      else if (jobs.some(({ ends }) => ends > 0) && !(await isAlive(process))) process = await start()
      settle(jobs, await process.score(jobs.map(({ row }) => row)))
    } catch (error) {
      if (error instanceof ProcessEnded) {
        queue.putBack(jobs, error)
        onEnd(error)
      } else fail(jobs, error)
    }
  }
  await process[Symbol.asyncDispose]()
}

/** Asks it, since the news of an end may still be on its way. */
async function isAlive(process: ModelProcess): Promise<boolean> {
  try {
    await process.score([])
    return true
  } catch (error) {
    if (error instanceof ProcessEnded) return false
    throw error
  }
}

interface Job extends Omit<PromiseWithResolvers<Prediction>, 'promise'> {
  readonly row: ScoringInput
  /** Processes that ended while they had the row. */
  readonly ends: number
}

function settle(jobs: readonly Job[], results: readonly RowResult[]): void {
  for (const [i, { resolve, reject }] of jobs.entries()) {
    const result = results[i] ?? { failure: 'the model gave no result' }
    if ('prediction' in result) resolve(result.prediction)
    else reject(new SpoilerError('SPL_PROCESSING_FAILED', `scoring: ${result.failure}`, { onError: 'dead-letter' }))
  }
}

function fail(jobs: readonly Job[], error: unknown): void {
  for (const { reject } of jobs) reject(error)
}

/** Rows that wait for a process. */
class RowQueue {
  readonly #processes: number
  #jobs: Job[] = []
  #takers: (() => void)[] = []
  #closed = false

  constructor(processes: number) {
    this.#processes = processes
  }

  put(row: ScoringInput): Promise<Prediction> {
    const { promise, resolve, reject } = Promise.withResolvers<Prediction>()
    this.#jobs.push({ row, ends: 0, resolve, reject })
    this.#takers.shift()?.()
    return promise
  }

  /** The rows that a process shall score next; undefined when there are none and there will be none. */
  async take(): Promise<readonly Job[] | undefined> {
    // what was put in the same turn is there before the first row is taken
    await Promise.resolve()
    while (this.#jobs.length === 0) {
      if (this.#closed) return undefined
      await new Promise<void>((resolve) => this.#takers.push(resolve))
    }
    return this.#jobs.splice(0, this.#share())
  }

  /** Half of an equal share, so that no process waits long for another; a suspicious row goes alone. */
  #share(): number {
    const suspicious = this.#jobs.findIndex(({ ends }) => ends > 0)
    const share = Math.min(MOST_ROWS, Math.ceil(this.#jobs.length / (2 * this.#processes)))
    return suspicious === -1 ? share : Math.min(share, Math.max(1, suspicious))
  }

  /** Nobody knows which of several rows ended the process: each is scored again, alone. */
  putBack(jobs: readonly Job[], end: ProcessEnded): void {
    const again = jobs.map((job) => ({ ...job, ends: job.ends + 1 }))
    this.#jobs.unshift(...again.filter(({ ends }) => ends < MOST_ENDS))
    for (const { ends, reject } of again.filter((job) => job.ends >= MOST_ENDS)) {
      const doing = `scoring: ${ends} processes of the model ended on this row, the last one: ${end.message}`
      const context = { attempts: ends }
      reject(new SpoilerError('SPL_ROW_ENDS_MODEL', doing, { onError: 'dead-letter', context, cause: end }))
    }
    for (const taker of this.#takers.splice(0)) taker()
  }

  close(): void {
    this.#closed = true
    for (const taker of this.#takers.splice(0)) taker()
  }
}
