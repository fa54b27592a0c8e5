import { type Serving, servingFor } from '../inference/score-row.ts'
import { FEATURE_SERVICE_NAMES } from '../schemas/feature-services.ts'

/**
 * What scores, and how it is switched: never within a batch. A batch is between {@link begin} and {@link end}; what
 * comes meanwhile takes over afterwards. Of the rows of each feature service the newest deployment that reads them
 * takes care; a model that is the newest for none of them is ended.
 */
export class ServingModels implements AsyncDisposable {
  readonly #onSwitch: (servings: readonly Serving[]) => void
  #current: readonly Serving[] = []
  #next: readonly Serving[]
  #inBatch = false
  #ending: Promise<unknown> = Promise.resolve()

  /** @param onSwitch Told of all models that serve, at first and whenever they are others. */
  constructor(first: readonly Serving[], onSwitch: (servings: readonly Serving[]) => void) {
    this.#onSwitch = onSwitch
    this.#next = first
    this.#switch()
  }

  /** Epoch of the newest deployment for rows of a feature service that is ready, also when it waits for a batch's end. */
  newestEpoch(featureService: string): number {
    return servingFor([...this.#current, ...this.#next], featureService)?.deploymentEpoch ?? -1
  }

  /** @returns What serves until {@link end}; servingFor chooses of it. */
  begin(): readonly Serving[] {
    this.#inBatch = true
    return this.#current
  }

  end(): void {
    this.#inBatch = false
    this.#switch()
  }

  /** Takes the model over: it is ended here. */
  replace(next: Serving): void {
    this.#next = [...this.#next, next]
    if (!this.#inBatch) this.#switch()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const serving of [...this.#current, ...this.#next]) this.#endModel(serving)
    await this.#ending
  }

  #switch(): void {
    if (this.#next.length === 0) return
    const ready = [...this.#current, ...this.#next]
    const needed = new Set(FEATURE_SERVICE_NAMES.map((name) => servingFor(ready, name)))
    this.#current = ready.filter((serving) => needed.has(serving))
    this.#next = []
    for (const serving of ready) if (!needed.has(serving)) this.#endModel(serving)
    this.#onSwitch(this.#current)
  }

  #endModel({ model }: Serving): void {
    this.#ending = Promise.all([this.#ending, model[Symbol.asyncDispose]()])
  }
}
