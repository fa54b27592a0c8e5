import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { answeringActivation, isInShare } from '../../../inference/canary.ts'
import type { Model, Prediction } from '../../../inference/model.ts'
import type { ComputedOutput } from '../../../platform/batch-worker.ts'
import { SpoilerError } from '../../../platform/spoiler-error.ts'
import type { ModelActivation, ModelDeployment, ReviewFeatures, SpoilerScore } from '../../../schemas/generated.ts'
import { topics } from '../../../schemas/topics.ts'
import { ChallengerSlot } from '../../../scorer/challenger.ts'
import { followChallengers } from '../../../scorer/challenger-deployments.ts'
import { ScoreWorker } from '../../../scorer/score-worker.ts'
import { ServingModels } from '../../../scorer/serving-models.ts'
import { noTrial, type RunningTrial } from '../../../scorer/trial.ts'
import { FakeRegistry, learnedCodec } from '../../support/fake-registry.ts'
import { featureRow } from '../../support/model-versions.ts'

const codec = learnedCodec(new FakeRegistry())
const DEPLOYED = {
  topic: 'model-deployments',
  partition: 0,
  offset: 1,
  key: null,
  value: null,
  appendedAtMs: 0,
  headers: [],
}

type Score = (row: { readonly text: string }) => Promise<Prediction>
const says = (probability: number): Score => {
  return () => Promise.resolve({ probability, isSpoiler: false, spans: [], reasons: [] })
}
function modelOf(version: string, score: Score): Model {
  return {
    name: 'm',
    version,
    tier: 't',
    featureService: 'spoiler_v1',
    rowLength: featureRow().values.length,
    threshold: 0.5,
    runtimeFingerprint: 'test',
    score,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

/** A scorer on a log of its own, whose ledger and scores are kept as its transactions would. */
class Scene {
  readonly ledger: ModelActivation[] = []
  readonly scores: SpoilerScore[] = []
  readonly shadow: SpoilerScore[] = []
  readonly letters: number[] = []
  readonly setAside: string[] = []
  nowMs = 0
  readonly challenger = new ChallengerSlot({
    onSwitch: () => undefined,
    onSetAside: (_, { code, message }) => this.setAside.push(`${code} ${message}`),
    nowMs: () => this.nowMs,
  })
  readonly serving = new ServingModels([{ model: modelOf('old', says(0.25)), deploymentEpoch: 1 }], () => undefined)
  worker = this.open()
  #offset = 0

  open(): ScoreWorker {
    const { serving, challenger, ledger } = this
    return new ScoreWorker({
      codec,
      serving,
      challenger,
      follows: true,
      readActivations: () => ReadableStream.from(ledger),
    })
  }

  try(trial: Partial<RunningTrial>, score: Score = says(0.75)): void {
    const what = { deploymentEpoch: 1, slot: 'challenger', mode: 'shadow', share: 1, record: DEPLOYED } as const
    this.challenger.replace({ model: modelOf('new', score), ...what, ...trial })
  }

  async batch(ids: readonly string[], end: 'commit' | 'discard' = 'commit'): Promise<void> {
    const records = ids.map((reviewId, i) =>
      this.#record(featureRow({}, { reviewId, text: reviewId }), this.#offset + i),
    )
    const output = await this.worker.compute(records)
    this.worker[end]()
    if (end === 'discard') return
    this.#offset += ids.length
    await this.#keep(output)
  }

  #record(value: ReviewFeatures, offset: number) {
    const bytes = codec.encode({ subject: 'review-features-value', schema: 'ReviewFeatures' }, value)
    return { ...DEPLOYED, topic: 'review-features', offset, value: bytes }
  }

  async #keep({ outgoing }: ComputedOutput): Promise<void> {
    const into: Readonly<Record<string, unknown[]>> = {
      [topics.modelActivations.name]: this.ledger,
      [topics.spoilerScores.name]: this.scores,
      [topics.shadowScores.name]: this.shadow,
      [topics.deadLetters.name]: this.letters,
    }
    const all = Object.values(topics)
    for (const { topic, value } of outgoing) {
      const schema = all.find(({ name }) => name === topic)?.schema ?? 'SpoilerScore'
      const decoded = await codec.decode(schema, value, false)
      if ('value' in decoded) into[topic]?.push(decoded.value)
    }
  }
}

const idsUpTo = (count: number, prefix = 'r'): string[] => Array.from({ length: count }, (_, i) => `${prefix}${i}`)
const who = ({ reviewId, slot, modelVersion }: SpoilerScore): string => `${reviewId} ${slot} ${modelVersion}`
const ledgerOf = ({ ledger }: Scene) =>
  ledger.map(({ slot, mode, fromOffset, deploymentEpoch }) => [slot, mode, fromOffset, deploymentEpoch])

test('a shadow scores its share into a topic of its own; the champion answers every review', async () => {
  const scene = new Scene()
  await scene.batch(['before'])
  scene.try({ share: 0.5 })
  const ids = idsUpTo(200)
  await scene.batch(ids)
  expect(scene.scores.map(who)).toEqual(['before', ...ids].map((id) => `${id} champion old`))
  expect(scene.shadow.map(who)).toEqual(ids.filter((id) => isInShare(id, 0.5)).map((id) => `${id} challenger new`))
  expect(scene.shadow.length).toBeGreaterThan(70)
  expect(ledgerOf(scene)).toEqual([
    ['champion', 'serve', 0, 1],
    ['challenger', 'shadow', 1, 1],
  ])
})

test('a canary answers for its share, in log order, and the champion goes to the shadow there', async () => {
  const scene = new Scene()
  scene.try({ mode: 'canary', share: 0.25 })
  const ids = idsUpTo(200)
  await scene.batch(ids)
  const slotOf = (id: string): string => (isInShare(id, 0.25) ? 'challenger new' : 'champion old')
  expect(scene.scores.map(who)).toEqual(ids.map((id) => `${id} ${slotOf(id)}`))
  expect(scene.shadow.map(who)).toEqual(ids.filter((id) => isInShare(id, 0.25)).map((id) => `${id} champion old`))
  for (const { reviewId, position, slot } of scene.scores) {
    const answered = answeringActivation(scene.ledger, { ...position, reviewId, featureService: 'spoiler_v1' })
    expect(answered?.slot).toBe(slot)
  }
})

const giveUp: Score = () =>
  Promise.reject(new SpoilerError('SPL_ROW_ENDS_MODEL', 'scoring', { onError: 'dead-letter' }))
const cannotStart: Score = () =>
  Promise.reject(new SpoilerError('SPL_MODEL_UNAVAILABLE', 'scoring', { onError: 'retry' }))

test.each([
  { name: 'gives up a row', score: giveUp, says: 'SPL_CHALLENGER_SET_ASIDE' },
  { name: 'cannot be started again', score: cannotStart, says: 'SPL_MODEL_UNAVAILABLE' },
])(
  'a canary that $name is set aside; the champion answers its batch, and the ledger says so',
  async ({ score, says: code }) => {
    const scene = new Scene()
    let bad = false
    scene.try({ mode: 'canary', share: 1 }, (row) => (bad ? score(row) : says(0.75)(row)))
    await scene.batch(['a', 'b'])
    bad = true
    await scene.batch(['c', 'd'])
    await scene.batch(['e'])
    expect(scene.scores.map(who)).toEqual([
      'a challenger new',
      'b challenger new',
      ...['c', 'd', 'e'].map((id) => `${id} champion old`),
    ])
    expect(ledgerOf(scene).slice(1)).toEqual([
      ['challenger', 'canary', 0, 1],
      ['challenger', 'off', 2, 1],
    ])
    expect([scene.setAside.length, scene.setAside[0], scene.letters]).toEqual([1, expect.stringContaining(code), []])
  },
)

test('one that hangs is waited for two seconds, once', async () => {
  vi.useFakeTimers()
  try {
    const scene = new Scene()
    scene.try({}, () => new Promise<Prediction>(() => undefined))
    const batch = scene.batch(['a'])
    await vi.advanceTimersByTimeAsync(1_999)
    expect(scene.setAside).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    await batch
    expect([scene.scores.map(who), scene.setAside.length]).toEqual([['a champion old'], 1])
    await scene.batch(['b'])
    expect(scene.scores.map(who)).toEqual(['a champion old', 'b champion old'])
  } finally {
    vi.useRealTimers()
  }
})

test('one that holds the champion up for more than half of the time is set aside; one that takes less is not', async () => {
  const run = async (extraMs: number, betweenMs: number): Promise<number> => {
    const scene = new Scene()
    scene.try({}, async (row) => {
      // after the champion, whose answers are there at once
      await new Promise(setImmediate)
      scene.nowMs += extraMs
      return says(0.75)(row)
    })
    for (const id of idsUpTo(60)) {
      scene.nowMs += betweenMs
      await scene.batch([id])
    }
    expect(scene.scores).toHaveLength(60)
    return scene.shadow.length
  }
  expect(await run(90, 100)).toBe(60)
  // 300 of 400 ms are 100 too many: two seconds last for 20 batches
  expect(await run(300, 100)).toBe(20)
})

test('an older epoch than the ledger has, or none, is written down as nobody challenging', async () => {
  const scene = new Scene()
  scene.try({ deploymentEpoch: 5, mode: 'canary' })
  await scene.batch(['a'])
  scene.worker = scene.open()
  await scene.worker.restore({ topic: 'review-features', partition: 0 })
  scene.challenger.replace(noTrial(0))
  await scene.batch(['b'])
  await scene.batch(['c'])
  scene.try({ deploymentEpoch: 5, mode: 'canary' })
  await scene.batch(['d'])
  expect(scene.scores.map(who)).toEqual(['a challenger new', 'b champion old', 'c champion old', 'd challenger new'])
  expect(ledgerOf(scene).slice(1)).toEqual([
    ['challenger', 'canary', 0, 5],
    ['challenger', 'off', 1, 5],
    ['challenger', 'canary', 3, 5],
  ])
})

test('a batch that was discarded leaves the ledger as it was, and is written anew', async () => {
  const scene = new Scene()
  scene.try({ mode: 'canary' })
  await scene.batch(['a'], 'discard')
  expect(scene.ledger).toEqual([])
  await scene.batch(['a'])
  expect(ledgerOf(scene)).toEqual([
    ['champion', 'serve', 0, 1],
    ['challenger', 'canary', 0, 1],
  ])
})

test('whatever comes and goes, one score a review, epochs never fall, and the ledger names who answered', async () => {
  const step = fc.oneof(
    fc.record({ mode: fc.constantFrom('shadow', 'canary'), share: fc.constantFrom(0, 0.3, 1), fails: fc.boolean() }),
    fc.constant('off' as const),
    fc.constant('restart' as const),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
      const scene = new Scene()
      const ids: string[] = []
      for (const [i, one] of steps.entries()) {
        if (one === 'off') scene.challenger.replace(noTrial(i + 1))
        else if (one === 'restart') {
          scene.worker = scene.open()
          await scene.worker.restore({ topic: 'review-features', partition: 0 })
        } else {
          const { mode, share } = one as { mode: 'shadow' | 'canary'; share: number }
          scene.try({ deploymentEpoch: i + 1, mode, share }, one.fails ? giveUp : says(0.75))
        }
        const batch = idsUpTo(5, `s${i}-`)
        ids.push(...batch)
        await scene.batch(batch)
      }
      expect(scene.scores.map(({ reviewId }) => reviewId)).toEqual(ids)
      for (const { reviewId, position, slot, deploymentEpoch } of scene.scores) {
        const answered = answeringActivation(scene.ledger, { ...position, reviewId, featureService: 'spoiler_v1' })
        expect([answered?.slot, answered?.deploymentEpoch]).toEqual([slot, deploymentEpoch])
      }
      const epochs = scene.ledger.filter(({ slot }) => slot === 'challenger').map((one) => one.deploymentEpoch)
      expect(epochs).toEqual(epochs.toSorted((a, b) => a - b))
    }),
    { seed: 91, numRuns: 60 },
  )
})

test('the challenger’s follower takes its own slot, leaves poison to the champion’s, and empties the slot without a load', async () => {
  const scene = new Scene()
  const loaded: string[] = []
  const deployment = (deploymentEpoch: number, changed: Partial<ModelDeployment>): ModelDeployment => {
    const what = { slot: 'challenger', mode: 'shadow', share: 0.5, modelName: 'm', modelVersion: 'new' }
    const why = {
      featureService: 'spoiler_v1',
      source: '',
      decidedAtMs: 0,
      decidedBy: 't',
      reason: '',
      entryId: '',
      jobId: '',
      gateReport: '',
    }
    return { ...what, ...why, deploymentEpoch, ...changed }
  }
  async function* log() {
    yield { record: DEPLOYED, decoded: { value: deployment(9, { slot: 'champion', mode: 'serve' }) } }
    yield { record: DEPLOYED, decoded: { poison: 'SPL_AVRO_INVALID', cause: 'cut' } as const }
    yield { record: DEPLOYED, decoded: { value: deployment(2, { mode: 'canary' }) } }
    await expect.poll(() => scene.challenger.newestEpoch).toBe(2)
    expect(scene.challenger.begin()).toMatchObject({ mode: 'canary', share: 0.5, slot: 'challenger' })
    scene.challenger.end()
    yield { record: DEPLOYED, decoded: { value: deployment(3, { mode: 'off' }) } }
  }
  await followChallengers(log(), scene.challenger, {
    load: ({ modelVersion }) => {
      loaded.push(modelVersion)
      return Promise.resolve(modelOf(modelVersion, says(1)))
    },
    telemetry: { waiting: () => undefined, refused: () => undefined },
    refuse: () => Promise.reject(new Error('nothing is refused here')),
    signal: new AbortController().signal,
  })
  expect([loaded, scene.challenger.begin()]).toMatchObject([['new'], { mode: 'off', deploymentEpoch: 3 }])
})
