import { isInShare } from '../inference/canary.ts'
import { type ScoreResult, scoreRows } from '../inference/score-row.ts'
import { SpoilerError } from '../platform/spoiler-error.ts'
import type { ReviewFeatures } from '../schemas/generated.ts'
import type { StreamRecord } from '../schemas/processor.ts'
import { noTrial, Patience, reads, type RunningTrial, type Trial } from './trial.ts'

type Row = StreamRecord<ReviewFeatures>

/** Results of the challenger for the rows of its share; null when it has to be set aside. */
type TrialResults = ReadonlyMap<Row, ScoreResult> | null

interface ChallengerDeps {
  readonly onSwitch: (trial: Trial) => void
  /** Told of one that is ended here: it was too slow, or could not score what the champion scored. */
  readonly onSetAside: (trial: RunningTrial, why: SpoilerError) => void
  readonly nowMs: () => number
}

/**
 * The slot of the challenger. What it does must not harm the champion: it runs in processes of its own, is waited for
 * only so long (see {@link Patience}), and is set aside for good at the first row that it does not score while the
 * champion does. What it costs is processor time, and up to that patience a batch.
 */
export class ChallengerSlot implements AsyncDisposable {
  readonly #deps: ChallengerDeps
  readonly #patience: Patience
  #current: Trial = noTrial(0)
  #next: Trial | undefined
  #inBatch = false
  #ending: Promise<unknown> = Promise.resolve()

  constructor(deps: ChallengerDeps) {
    this.#deps = deps
    this.#patience = new Patience(deps.nowMs)
  }

  /** The newest deployment that is ready, also when it waits for the end of a batch. */
  get newestEpoch(): number {
    return (this.#next ?? this.#current).deploymentEpoch
  }

  /** @returns What challenges until {@link end}. */
  begin(): Trial {
    this.#inBatch = true
    return this.#current
  }

  end(): void {
    this.#inBatch = false
    this.#switch()
  }

  /** Takes the model over: it is ended here, when it was replaced in turn. */
  replace(next: Trial): void {
    if (this.#next !== undefined) this.#endModel(this.#next)
    this.#next = next
    if (!this.#inBatch) this.#switch()
  }

  /** Begins to score its share; the results are to be asked for when the champion has its own. */
  start(rows: readonly Row[], trial: Trial): () => Promise<TrialResults> {
    if (trial.mode === 'off') return () => Promise.resolve(new Map())
    const own = rows.filter(({ value }) => reads(trial, value.featureService) && isInShare(value.reviewId, trial.share))
    const scoring = scoreRows(own, [trial])
    // it may fail before anybody asks
    scoring.catch(() => undefined)
    return async () => {
      try {
        const results = await this.#within(scoring)
        return new Map(own.map((row, i) => [row, results[i] as ScoreResult]))
      } catch (error) {
        if (!(error instanceof SpoilerError)) throw error
        this.setAside(trial, error)
        return null
      }
    }
  }

  /** Ends it; a newer deployment is not touched. */
  setAside(trial: RunningTrial, why: SpoilerError): void {
    if (this.newestEpoch === trial.deploymentEpoch) this.replace(noTrial(trial.deploymentEpoch))
    this.#deps.onSetAside(trial, why)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.replace(noTrial(this.newestEpoch))
    this.end()
    await this.#ending
  }

  #switch(): void {
    if (this.#next === undefined) return
    this.#endModel(this.#current)
    this.#current = this.#next
    this.#next = undefined
    this.#deps.onSwitch(this.#current)
  }

  #endModel({ model }: Trial): void {
    this.#ending = Promise.all([this.#ending, model[Symbol.asyncDispose]()])
  }

  async #within<T>(work: Promise<T>): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>()
    const leftMs = this.#patience.leftMs()
    if (leftMs === 0) throw setAsideError('it has held the champion up for more than half of the time')
    const beganMs = this.#deps.nowMs()
    const timer = setTimeout(() => {
      reject(setAsideError(`it has not answered within ${leftMs.toFixed(0)} ms after the champion`))
    }, leftMs)
    try {
      return await Promise.race([work, promise])
    } finally {
      clearTimeout(timer)
      this.#patience.spend(this.#deps.nowMs() - beganMs)
    }
  }
}

export function setAsideError(why: string): SpoilerError {
  return new SpoilerError('SPL_CHALLENGER_SET_ASIDE', `scoring beside the champion: ${why}`, { onError: 'stop' })
}
