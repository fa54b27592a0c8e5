import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type GateReport, placedPrior, type PlacedVersion, runGate } from '../../../cli/gate.ts'
import { spoilerV1 } from '../../../schemas/spoiler-v1.ts'
import { localPlace } from '../../../trainers/dataset/dataset-place.ts'
import { type Span, SPANS } from '../../../trainers/dataset/dataset-row.ts'
import { type Dataset, openDataset } from '../../../trainers/dataset/open-dataset.ts'
import { publishVersion } from '../../../connectors/model-registry.ts'
import { declaredVersion } from '../../../inference/manifest.ts'
import { exampleRow, writeDataset } from '../../support/datasets.ts'
import { damage } from '../../support/forged-versions.ts'
import { MemoryObjectStore } from '../../support/memory-object-store.ts'
import { COEFFICIENTS, featureRow, sealedVersion } from '../../support/model-versions.ts'

const DIGITS = spoilerV1.features.findIndex(({ name }) => name === 'digit_share')
const resources = new AsyncDisposableStack()
let root: string
let dataset: Dataset

/** Rows whose share of digits tells whether they spoil, mostly; their length does not. */
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'gate-'))
  resources.defer(() => rm(root, { recursive: true }))
  const spanOf = (i: number): Span => SPANS[Math.floor(i / 300)] as Span
  const rows = Array.from({ length: 1_200 }, (_, i) => {
    const label = i % 4 === 0
    const row = exampleRow(i, spanOf(i), { label, labelSource: i % 10 === 0 ? 'report' : 'audit' })
    const digits = label === i % 13 > 0 ? 0.9 : 0.1
    return {
      ...row,
      values: row.values.map((value, at) => (at === DIGITS ? digits : at === 0 ? 100 + (i % 7) : value)),
    }
  })
  const writing = join(root, 'writing')
  const { id } = await writeDataset(writing, rows)
  await cp(writing, join(root, 'sets', id), { recursive: true })
  dataset = await openDataset(join(root, 'sets', id))
})
afterAll(() => resources.disposeAsync())

/** Makes of these what either head makes of them. */
const golden = (logit: number) => [
  { row: featureRow({ text_units: 700, digit_share: 0.9 }), probability: 1 / (1 + Math.exp(-logit)), spans: [] },
]
/** Knows the share of digits. */
const GOOD = {
  intercept: -1,
  terms: [{ feature: 'digit_share', clip: [0, 1], transform: 'identity', mean: 0.5, scale: 0.4, coefficient: 2.5 }],
}

async function placed(parts: Parameters<typeof sealedVersion>[0], store: MemoryObjectStore): Promise<PlacedVersion> {
  const metrics = { dataset: dataset.manifest.id }
  await using sealed = await sealedVersion({
    ...parts,
    draft: { calibration: { kind: 'identity' }, metrics, ...parts?.draft },
  })
  return await publishVersion(store, 'offline', sealed.folder)
}

const DIGITAL = { draft: { inputs: ['digit_share'] }, coefficients: GOOD, golden: golden(1.5) }
const BY_LENGTH = { coefficients: COEFFICIENTS, golden: golden(0) }

const gate = async (challenger: PlacedVersion, champion: PlacedVersion, store: MemoryObjectStore) => {
  const workFolder = await mkdtemp(join(root, 'work-'))
  const deps = { store, prefix: 'offline', place: localPlace(join(root, 'sets')), workFolder }
  const signal = new AbortController().signal
  const outcome = await runGate(
    { challenger, champion, dataset, seed: 1 },
    { ...deps, signal, onProgress: () => undefined },
  )
  const report = JSON.parse(Buffer.from(store.objects.get(outcome.report) ?? []).toString()) as GateReport
  return { ...outcome, report, refusedBy: refusedBy(report) }
}
const refusedBy = ({ decision }: GateReport): string[] =>
  decision.checks.filter(({ passed }) => !passed).map(({ rule }) => rule)

describe('a gate', () => {
  const store = new MemoryObjectStore()

  test('lets a version through that is better on rows that neither has seen, and keeps a report and a page', async () => {
    const champion = await placedPrior()
    const challenger = await placed(DIGITAL, store)
    const { decision, report, page } = await gate(challenger, champion, store)
    expect([decision.passed, refusedBy(report), decision.reason]).toMatchObject([true, [], expect.any(String)])
    expect(report).toMatchObject({
      challenger: `test@${challenger.version}`,
      champion: `prior@${champion.version}`,
      evidence: { isFirst: true, uses: 1, challenger: { unseenRows: 270 }, champion: { unseenRows: 270 } },
      judgement: { leftAside: { report: 30 }, report: { rows: 270 } },
    })
    expect(page).toContain('Passed.')
    expect(page).not.toMatch(/<script|<link|<img|https?:/)
    expect(Buffer.from([...store.objects].find(([key]) => key.endsWith('.html'))?.[1] ?? []).toString()).toBe(page)
  })

  test('counts a version once, however often it is tried, and another one as a further use', async () => {
    const champion = await placed(DIGITAL, store)
    const challenger = await placed(BY_LENGTH, store)
    for (const uses of [2, 2]) {
      const { refusedBy: by, report } = await gate(challenger, champion, store)
      expect(report.evidence.uses).toBe(uses)
      expect(by).toContain('better-than-champion')
    }
  })

  test('is shut when the champion is gone, damaged, or fitted on nobody knows what', async () => {
    const challenger = await placed(DIGITAL, store)
    const gone = { name: 'test', version: '0123456789abcdef', source: 'offline/models/test/0123456789abcdef' }
    expect((await gate(challenger, gone, store)).refusedBy).toContain('champion-readable')
    await using broken = await sealedVersion()
    const declared = await declaredVersion(broken.folder)
    await damage(broken.folder, 'spans.json')
    const damaged = { ...declared, source: '', folder: broken.folder }
    const { refusedBy: by, decision } = await gate(challenger, damaged, store)
    expect(by).toContain('champion-readable')
    expect(decision.reason).toContain('differs from the hash')
    const unknown = await placed({ ...BY_LENGTH, draft: { metrics: { dataset: 'ffffffffffffffff' } } }, store)
    expect((await gate(challenger, unknown, store)).refusedBy).toEqual(['span-unseen'])
  })

  test('is shut for what serves already', async () => {
    const challenger = await placed(DIGITAL, store)
    const { refusedBy: by, page } = await gate(challenger, challenger, store)
    expect(by).toContain('another-version')
    expect(page).toContain('Refused.')
  })
})
