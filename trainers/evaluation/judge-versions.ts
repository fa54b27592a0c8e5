import type { Model } from '../../inference/model.ts'
import { type Dataset, rowsIn, serviceOf } from '../dataset/open-dataset.ts'
import type { DatasetRow } from '../dataset/dataset-row.ts'
import { type Report, reportOf } from './report.ts'
import { lengthThresholdOf, scoreRows } from './scored-rows.ts'
import { type FittedOn, unseenBy } from './unseen-rows.ts'

/** A masked review is reported less often: only these sources do not depend on our own scores. */
const DECISIVE: ReadonlySet<string> = new Set(['audit', 'self-declared'])

interface Contestant {
  readonly model: Model
  readonly fittedOn: FittedOn
}

export interface Contest {
  readonly challenger: Contestant
  readonly champion: Contestant
}

interface Cost {
  /** Mean of the run. */
  readonly msPerReview: number
  /** Rows that it is proved not to have seen. */
  readonly unseenRows: number
}

export interface Judgement {
  /** Of the challenger first, the champion second and length last, on rows whose labels decide. */
  readonly report: Report
  readonly challenger: Cost
  readonly champion: Cost
  /** Rows by the source of their label that did not decide. */
  readonly leftAside: Readonly<Record<string, number>>
}

export interface JudgeOptions {
  /** Of the bootstrap. */
  readonly seed: number
  readonly signal: AbortSignal
  readonly onRows: (done: number, total: number) => void
}

/** Scores the span `gate` of a data set by two versions, as the scorer would, in one run. */
export async function judgeVersions(
  dataset: Dataset,
  { challenger, champion }: Contest,
  { seed, signal, onRows }: JudgeOptions,
): Promise<Judgement> {
  const { manifest } = dataset
  const unseen = [challenger, champion].map(({ fittedOn }) => ({ by: unseenBy(fittedOn, manifest), rows: 0 }))
  const leftAside: Record<string, number> = {}
  const decisive = async function* (): AsyncGenerator<DatasetRow> {
    for await (const row of dataset.rows('gate')) {
      if (!DECISIVE.has(row.labelSource)) {
        leftAside[row.labelSource] = (leftAside[row.labelSource] ?? 0) + 1
        continue
      }
      for (const one of unseen) one.rows += one.by(row) ? 1 : 0
      yield row
    }
  }
  const timed = [new TimedModel(challenger.model), new TimedModel(champion.model)] as const
  const service = serviceOf(manifest)
  const lengthThreshold = await lengthThresholdOf(dataset.rows('calibrate'), service)
  const total = rowsIn(manifest, 'gate')
  const models = Object.fromEntries(timed.map((one) => [one.label, one.model]))
  const options = { service, lengthThreshold, signal, onRows: (done: number) => onRows(done, total) }
  const scored = await scoreRows(decisive(), models, options)
  const costs = timed.map(({ spentMs }, i): Cost => {
    return { msPerReview: spentMs / scored.labels.length, unseenRows: unseen[i]?.rows ?? 0 }
  })
  const subject = { model: timed[0].label, tier: challenger.model.tier, dataset: manifest, seed }
  const [ofChallenger, ofChampion] = costs as [Cost, Cost]
  return { report: reportOf(scored, subject), challenger: ofChallenger, champion: ofChampion, leftAside }
}

/** A model, and how long it took. */
class TimedModel {
  readonly label: string
  readonly model: Model
  spentMs = 0

  constructor(model: Model) {
    this.label = `${model.name}@${model.version}`
    this.model = {
      ...model,
      score: async (row) => {
        const startMs = performance.now()
        const prediction = await model.score(row)
        this.spentMs += performance.now() - startMs
        return prediction
      },
    }
  }
}
