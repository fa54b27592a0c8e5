import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import process from 'node:process'
import { SpoilerError } from '../platform/spoiler-error.ts'
import type { ModelDescription, ScoringInput } from './model.ts'
import type { ModelMessage, RowResult, ScoreRequest } from './model-messages.ts'

const MAIN = join(import.meta.dirname, 'main.ts')
/** Longest wait for a version to be loaded and proved. */
const READY_WITHIN_MS = 120_000
/** Longest wait for the rows of one request; a process that takes longer hangs, and is ended. */
const ANSWER_WITHIN_MS = 60_000
const END_WITHIN_MS = 5_000

/** The process ended before it answered. */
export class ProcessEnded extends Error {
  override readonly name = 'ProcessEnded'
}

/** A model version in a process of its own: it blocks nobody, and what it takes is given back when it ends. */
export interface ModelProcess extends AsyncDisposable {
  readonly description: ModelDescription
  readonly ended: boolean
  /**
   * One result per row, in their order; one call at a time.
   *
   * @throws ProcessEnded when it ended first, or hung.
   */
  score(rows: readonly ScoringInput[]): Promise<readonly RowResult[]>
}

/**
 * Starts a process that loads and proves the version.
 *
 * @param main Script of the process.
 * @throws SpoilerError SPL_MODEL_INVALID (stop) as the process said it; SPL_MODEL_UNAVAILABLE (retry) when it ended
 *   without a word.
 */
export async function startModelProcess(folder: string, main: string = MAIN): Promise<ModelProcess> {
  // a Ctrl-C for the group is not meant for it: it ends when its channel closes, also when we are killed
  const child = spawn(process.execPath, [main, folder], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    serialization: 'advanced', // numbers and texts come back as they were
  })
  const channel = new Channel(child)
  const message = await channel.answer(READY_WITHIN_MS).catch((cause: unknown) => {
    throw new SpoilerError('SPL_MODEL_UNAVAILABLE', `starting a process for the model version in ${folder}`, {
      onError: 'retry',
      cause,
    })
  })
  if (message.kind === 'ready') return modelProcess(channel, message.description)
  await channel.end()
  if (message.kind === 'refused') {
    const { code, onError } = message
    throw new SpoilerError(code, message.message.replace(`${code} while `, ''), { onError })
  }
  throw new TypeError('a process of a model scored before it was asked')
}

function modelProcess(channel: Channel, description: ModelDescription): ModelProcess {
  return {
    description,
    get ended() {
      return channel.ended
    },
    score: async (rows) => {
      const answer = channel.answer(ANSWER_WITHIN_MS)
      channel.send({ rows })
      const message = await answer
      if (message.kind !== 'scored') throw new TypeError(`a process of a model says it is ${message.kind}`)
      return message.results
    },
    [Symbol.asyncDispose]: () => channel.end(),
  }
}

/** One question and one answer at a time. */
class Channel {
  readonly #child: ChildProcess
  #waiting: PromiseWithResolvers<ModelMessage> | undefined
  #end: ProcessEnded | undefined

  constructor(child: ChildProcess) {
    this.#child = child
    child.on('message', (message: ModelMessage) => this.#waiting?.resolve(message))
    child.on('exit', (code, signal) => {
      this.#ended(new ProcessEnded(signal === null ? `exit code ${String(code)}` : `ended by ${signal}`))
    })
    child.on('error', (cause) => {
      this.#ended(new ProcessEnded(cause.message, { cause }))
    })
  }

  get ended(): boolean {
    return this.#end !== undefined
  }

  send(request: ScoreRequest): void {
    // a channel that is gone tells so by the end of the process
    if (this.#child.connected) this.#child.send(request, () => undefined)
  }

  async answer(withinMs: number): Promise<ModelMessage> {
    if (this.#end !== undefined) throw this.#end
    this.#waiting = Promise.withResolvers()
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), withinMs)
    try {
      return await this.#waiting.promise
    } finally {
      clearTimeout(timer)
    }
  }

  async end(): Promise<void> {
    if (this.ended) return
    const exit = once(this.#child, 'exit')
    if (this.#child.connected) this.#child.disconnect()
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), END_WITHIN_MS)
    await exit
    clearTimeout(timer)
  }

  #ended(end: ProcessEnded): void {
    this.#end ??= end
    this.#waiting?.reject(this.#end)
  }
}
