import type { ErrorCode } from '../schemas/errors.ts'

/** What the runtime does next: decided where the error is made, not where it is caught. */
export type OnError =
  | 'retry' // a dependency is down, or a transaction was aborted: the same again
  | 'dead-letter' // the record is poison
  | 'exit' // this process cannot go on, a new one can: its supervisor starts it anew
  | 'stop' // a person has to decide

interface SpoilerErrorOptions {
  readonly onError: OnError
  readonly context?: Readonly<Record<string, unknown>>
  readonly cause?: unknown
}

export class SpoilerError extends Error {
  override readonly name = 'SpoilerError'
  readonly code: ErrorCode
  readonly onError: OnError
  readonly context: Readonly<Record<string, unknown>>

  /** @param doing What was going on, as a gerund; a second line may say the next step. */
  constructor(code: ErrorCode, doing: string, { onError, context = {}, cause }: SpoilerErrorOptions) {
    super(`${code} while ${doing}`, { cause })
    this.code = code
    this.onError = onError
    this.context = context
  }
}
