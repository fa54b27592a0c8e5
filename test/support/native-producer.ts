type Callback = (error: unknown, value?: unknown) => void

/** Every client that was made. */
export const producers: NativeProducerFake[] = []

/** The native client, as far as it is called: keeps the calls, and fails where the test says so. */
export class NativeProducerFake {
  static initialises = true
  readonly calls: string[] = []
  readonly produced: unknown[] = []
  /** Errors with which the next calls of produce() are refused. */
  readonly refusals: { readonly code: number; readonly message?: string }[] = []
  readonly settings: object
  readonly topicSettings: object

  constructor(settings: object, topicSettings: object) {
    this.settings = settings
    this.topicSettings = topicSettings
    producers.push(this)
  }

  connect(_: object, done: Callback): void {
    done(null)
  }

  setPollInterval(ms: number): number {
    return ms
  }

  initTransactions(_: number, done: Callback): void {
    this.calls.push('initTransactions')
    done(NativeProducerFake.initialises ? null : { isFatal: true })
  }

  beginTransaction(done: Callback): void {
    this.calls.push('beginTransaction')
    done(null)
  }

  sendOffsetsToTransaction(_: object, __: object, ___: number, done: Callback): void {
    this.calls.push('sendOffsetsToTransaction')
    done(null)
  }

  produce(_: string, __: number | null, ___: Buffer, key: unknown): void {
    const refusal = this.refusals.shift()
    if (refusal !== undefined) throw Object.assign(new Error(refusal.message), refusal)
    this.produced.push(key)
  }

  disconnect(_: number, done: Callback): void {
    this.calls.push('disconnect')
    done(null)
  }
}
