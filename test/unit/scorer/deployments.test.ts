import { expect, test } from 'vitest'
import { servingFor } from '../../../inference/score-row.ts'
import type { Deployed } from '../../../inference/deployment-log.ts'
import type { Model } from '../../../inference/model.ts'
import { type OnError, SpoilerError } from '../../../platform/spoiler-error.ts'
import type { Poison } from '../../../platform/record-codec.ts'
import type { ModelActivation, ModelDeployment } from '../../../schemas/generated.ts'
import { firstServings, followDeployments, type LoadVersion } from '../../../scorer/deployments.ts'
import { ServingModels } from '../../../scorer/serving-models.ts'

const deployment = (
  deploymentEpoch: number,
  version: string,
  fields: Partial<ModelDeployment> = {},
): ModelDeployment => ({
  slot: 'champion',
  deploymentEpoch,
  modelName: 'm',
  modelVersion: version,
  source: `offline/models/m/${version}`,
  decidedAtMs: 0,
  decidedBy: 'test',
  entryId: '',
  reason: 'test',
  mode: 'serve',
  share: 1,
  jobId: '',
  gateReport: '',
  featureService: 'spoiler_v1',
  ...fields,
})
const activation = (deploymentEpoch: number, modelVersion: string): ModelActivation => ({
  partition: 0,
  fromOffset: 0,
  deploymentEpoch,
  modelName: 'm',
  modelVersion,
  tier: 't',
  runtimeFingerprint: 'f',
  featureService: 'spoiler_v1',
  slot: 'champion',
  mode: 'serve',
  share: 1,
})

const read = (value: ModelDeployment, offset = value.deploymentEpoch) => ({
  record: { topic: 'model-deployments', partition: 0, offset, key: null, value: null, appendedAtMs: 0, headers: [] },
  decoded: { value },
})
type Read = ReturnType<typeof read> | { record: ReturnType<typeof read>['record']; decoded: Poison }

async function* logOf(...deployments: ModelDeployment[]): AsyncGenerator<Read> {
  for (const deployment of deployments) yield await Promise.resolve(read(deployment))
}

/** Loads any version but those that fail; models write down their end. */
function scene(faults: Readonly<Record<string, OnError[]>> = {}) {
  const loaded: string[] = []
  const ended: string[] = []
  const refused: number[] = []
  const waited: number[] = []
  const switched: string[] = []
  const modelOf = (version: string): Model =>
    ({
      version,
      featureService: version.startsWith('new') ? 'spoiler_v2' : 'spoiler_v1',
      [Symbol.asyncDispose]: () => {
        ended.push(version)
        return Promise.resolve()
      },
    }) as unknown as Model
  const load: LoadVersion = ({ modelVersion }) => {
    const onError = faults[modelVersion]?.shift()
    loaded.push(modelVersion)
    if (onError === undefined) return Promise.resolve(modelOf(modelVersion))
    const code = onError === 'retry' ? 'SPL_S3_UNAVAILABLE' : 'SPL_MODEL_INVALID'
    return Promise.reject(new SpoilerError(code, 'testing', { onError }))
  }
  const telemetry = {
    serving: () => undefined,
    waiting: ({ deploymentEpoch }: Deployed) => void waited.push(deploymentEpoch),
    refused: ({ deploymentEpoch }: Deployed) => void refused.push(deploymentEpoch),
  }
  const letters: [offset: number, code: string][] = []
  const refuse = ({ offset }: { offset: number }, { code }: { code: string }): Promise<void> => {
    letters.push([offset, code])
    return Promise.resolve()
  }
  const openPrior = (): Promise<Model> => Promise.resolve(modelOf('prior'))
  const { signal } = new AbortController()
  const serving = new ServingModels([{ model: modelOf('first'), deploymentEpoch: 0 }], (servings) =>
    switched.push(servings.map(({ model }) => model.version).join('+')),
  )
  return { load, telemetry, refuse, openPrior, signal, serving, loaded, ended, refused, waited, switched, letters }
}

interface Known {
  readonly newest?: ModelDeployment | undefined
  readonly recorded?: ModelActivation | undefined
}
/** What is known of models of spoiler_v1, and of rows of it. */
const knownOf = ({ newest, recorded }: Known) => ({
  newest: new Map(newest === undefined ? [] : [['spoiler_v1', newest]]),
  recorded: new Map(recorded === undefined ? [] : [['spoiler_v1', recorded]]),
})
/** Versions and epochs of what serves rows of spoiler_v1. */
const begun = async (known: Known, world: ReturnType<typeof scene>) => {
  const serving = servingFor(await firstServings(knownOf(known), world), 'spoiler_v1')
  return [serving?.model.version, serving?.deploymentEpoch]
}

test.each([
  { name: 'nothing was deployed', newest: undefined, recorded: undefined, expected: ['prior', 0] },
  { name: 'only the prior has scored', newest: undefined, recorded: activation(0, 'p'), expected: ['prior', 0] },
  { name: 'the first deployment', newest: deployment(1, 'a'), recorded: undefined, expected: ['a', 1] },
  { name: 'one that scores already', newest: deployment(4, 'd'), recorded: activation(4, 'd'), expected: ['d', 4] },
  { name: 'a newer one', newest: deployment(5, 'e'), recorded: activation(4, 'd'), expected: ['e', 5] },
  { name: 'the ledger is ahead', newest: deployment(3, 'c'), recorded: activation(4, 'd'), expected: ['d', 4] },
])('a scorer begins with what was decided last: $name', async ({ newest, recorded, expected }) => {
  expect(await begun({ newest, recorded }, scene())).toEqual(expected)
})

test.each([{ onError: 'stop' as const }, { onError: 'retry' as const }])(
  'when the newest cannot be had ($onError) it begins with what scored before, and who follows says what is wrong',
  async ({ onError }) => {
    const world = scene({ e: [onError, onError] })
    expect(await begun({ newest: deployment(5, 'e'), recorded: activation(4, 'd') }, world)).toEqual(['d', 4])
    expect(world).toMatchObject({ refused: [], waited: [] })
    const alone = scene({ e: [onError, onError] })
    expect(await begun({ newest: deployment(5, 'e') }, alone)).toEqual(['prior', 0])
  },
)

test('what the ledger recorded is needed: without it nothing is served, and nothing is left open', async () => {
  const world = scene({ d: ['stop'] })
  await expect(begun({ recorded: activation(4, 'd') }, world)).rejects.toMatchObject({ code: 'SPL_MODEL_INVALID' })
  expect(world.ended).toEqual([])
})

const OF_V2 = { featureService: 'spoiler_v2' }
test('of each feature service it begins with the newest that reads its rows, and a model that serves both is opened once', async () => {
  const choice = { newest: new Map([['spoiler_v1', deployment(3, 'a')]]), recorded: new Map() }
  const alone = scene()
  expect(await firstServings(choice, alone)).toMatchObject([{ deploymentEpoch: 3 }])
  expect(alone.loaded).toEqual(['a'])
  choice.newest.set('spoiler_v2', deployment(4, 'new', OF_V2))
  const servings = await firstServings(choice, scene())
  expect(servingFor(servings, 'spoiler_v1')?.deploymentEpoch).toBe(3)
  expect(servingFor(servings, 'spoiler_v2')?.deploymentEpoch).toBe(4)
})

test('a version for another feature service stands beside the one that serves, until a newer one reads its rows too', async () => {
  const world = scene()
  await followDeployments(logOf(deployment(1, 'new', OF_V2)), world.serving, world)
  expect(world).toMatchObject({ switched: ['first', 'first+new'], ended: [] })
  await followDeployments(logOf(deployment(1, 'new', OF_V2), deployment(2, 'b')), world.serving, world)
  expect(world).toMatchObject({ loaded: ['new', 'b'], switched: ['first', 'first+new', 'b'], ended: ['first', 'new'] })
})

test.each([
  { name: 'reads another service than its deployment says', refused: deployment(1, 'new') },
  {
    name: 'is for a service that this code does not know',
    refused: deployment(1, 'new', { featureService: 'other_v9' }),
  },
])('a version that $name is refused and ended; what serves goes on', async ({ refused }) => {
  const world = scene()
  await followDeployments(logOf(refused), world.serving, world)
  expect(world).toMatchObject({ switched: ['first'], ended: ['new'], letters: [[1, 'SPL_MODEL_INVALID']] })
})

test('each newer deployment takes over and ends the one before; old and foreign ones are passed over', async () => {
  const world = scene()
  const log = logOf(
    deployment(1, 'a'),
    deployment(1, 'again'),
    deployment(7, 'x', { slot: 'challenger' }),
    deployment(1, 'old'),
  )
  await followDeployments(log, world.serving, world)
  expect(world).toMatchObject({ loaded: ['a'], switched: ['first', 'a'], ended: ['first'] })
})

test('a rollback is a new epoch with an old version', async () => {
  const world = scene()
  async function* slowly(): AsyncGenerator<Read> {
    for (const next of [deployment(1, 'a'), deployment(2, 'b'), deployment(3, 'a')]) {
      yield read(next)
      await expect.poll(() => world.serving.newestEpoch('spoiler_v1')).toBe(next.deploymentEpoch)
    }
  }
  await followDeployments(slowly(), world.serving, world)
  expect(world.switched).toEqual(['first', 'a', 'b', 'a'])
})

test('a version that cannot serve is refused, what serves goes on, and the next one is taken', async () => {
  const world = scene({ bad: ['stop'] })
  async function* log(): AsyncGenerator<Read> {
    yield read(deployment(1, 'bad'))
    await expect.poll(() => world.refused).toEqual([1])
    expect(world.switched).toEqual(['first'])
    yield read(deployment(2, 'good'))
  }
  await followDeployments(log(), world.serving, world)
  expect(world).toMatchObject({ loaded: ['bad', 'good'], switched: ['first', 'good'], refused: [1] })
  expect(world.letters).toEqual([[1, 'SPL_MODEL_INVALID']])
})

test('a record that nobody can read is refused as well, and the next one is taken', async () => {
  const world = scene()
  async function* log(): AsyncGenerator<Read> {
    const { record } = read(deployment(1, 'a'), 7)
    yield await Promise.resolve({ record, decoded: { poison: 'SPL_AVRO_INVALID', cause: 'truncated' } })
    yield read(deployment(2, 'b'))
  }
  await followDeployments(log(), world.serving, world)
  expect(world).toMatchObject({ letters: [[7, 'SPL_AVRO_INVALID']], switched: ['first', 'b'] })
})

test('while the store is down the deployment is tried again, and then serves', async () => {
  const world = scene({ a: ['retry', 'retry'] })
  await followDeployments(logOf(deployment(1, 'a')), world.serving, world)
  expect(world).toMatchObject({ loaded: ['a', 'a', 'a'], waited: [1, 1], switched: ['first', 'a'] })
})

test('one that is overtaken while it waits is given up', async () => {
  const world = scene({ a: Array<OnError>(50).fill('retry') })
  async function* log(): AsyncGenerator<Read> {
    yield read(deployment(1, 'a'))
    await expect.poll(() => world.waited.length).toBeGreaterThan(0)
    yield read(deployment(2, 'b'))
  }
  await followDeployments(log(), world.serving, world)
  expect(world.switched).toEqual(['first', 'b'])
})
