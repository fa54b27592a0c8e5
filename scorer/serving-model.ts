import type { Serving } from '../inference/score-row.ts'

/**
 * What scores, and how it is switched: never within a batch. A batch is between {@link begin} and {@link end}; what
 * comes meanwhile takes over afterwards, and the model before it is ended.
 */
export class ServingModel implements AsyncDisposable {
  readonly #onSwitch: (serving: Serving) => void
  #current: Serving
  #next: Serving | undefined
  #inBatch = false
  #ending: Promise<unknown> = Promise.resolve()

  /** @param onSwitch Told of every model from the first on, when it takes over. */
  constructor(first: Serving, onSwitch: (serving: Serving) => void) {
    this.#current = first
    this.#onSwitch = onSwitch
    onSwitch(first)
  }

  /** The newest deployment that is ready, also when it waits for the end of a batch. */
  get newestEpoch(): number {
    return (this.#next ?? this.#current).deploymentEpoch
  }

  begin(): Serving {
    this.#inBatch = true
    return this.#current
  }

  end(): void {
    this.#inBatch = false
    this.#switch()
  }

  /** Takes the model over: it is ended here. */
  replace(next: Serving): void {
    if (this.#next !== undefined) this.#endModel(this.#next)
    this.#next = next
    if (!this.#inBatch) this.#switch()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#next !== undefined) this.#endModel(this.#next)
    this.#endModel(this.#current)
    await this.#ending
  }

  #switch(): void {
    if (this.#next === undefined) return
    this.#endModel(this.#current)
    this.#current = this.#next
    this.#next = undefined
    this.#onSwitch(this.#current)
  }

  #endModel({ model }: Serving): void {
    this.#ending = Promise.all([this.#ending, model[Symbol.asyncDispose]()])
  }
}
