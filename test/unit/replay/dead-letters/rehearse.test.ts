import { expect, test } from 'vitest'
import { FoldWorker } from '../../../../platform/fold-worker.ts'
import { rehearse, type Rehearsal } from '../../../../replay/dead-letters/rehearse.ts'
import { intake } from '../../../../stream-processors/intake.ts'
import { userHistory } from '../../../../stream-processors/user-history.ts'
import { FakeChangelog } from '../../../support/fake-changelog.ts'
import { foldDeps } from '../../../support/fold-deps.ts'
import { FakeRegistry, learnedCodec } from '../../../support/fake-registry.ts'
import { EXAMPLE } from '../../../support/review-world.ts'

const POSITION = { topic: 'reviews', partition: 0, offset: 4 }
const NOW_MS = EXAMPLE.review.writtenAtMs + 1

async function rehearsed(value: Buffer): Promise<Rehearsal> {
  const codec = learnedCodec(new FakeRegistry())
  const log = new FakeChangelog()
  const worker = new FoldWorker(intake, foldDeps(codec, log))
  await worker.restore(POSITION)
  const record = { topic: 'reviews', partition: null, key: 'any', value }
  return rehearse(record, { worker, codec, position: POSITION, nowMs: NOW_MS })
}

const json = (changes: object): Buffer => Buffer.from(JSON.stringify({ ...EXAMPLE.review, ...changes }))

test('a record that is fine now is taken, and what would be written is named', async () => {
  expect(await rehearsed(json({}))).toEqual({
    outcome: 'processed',
    outputs: [{ topic: 'user-activity', key: 'u1' }],
    rejects: [],
    drops: {},
  })
})

test.each([
  [json({ rating: 11 }), 'SPL_RATING_INVALID'],
  [json({ writtenAtMs: NOW_MS + 3 * 86_400_000 }), 'SPL_EVENT_TIME_INVALID'],
  [Buffer.from('hello'), 'SPL_RECORD_FORMAT_UNKNOWN'],
])('%s would be refused again', async (value, code) => {
  const { outcome, rejects, outputs } = await rehearsed(value)
  expect([outcome, rejects.map((reject) => reject.code), outputs]).toEqual(['rejected', [code], []])
})

test('a second rehearsal finds the state of the first: nothing was kept', async () => {
  const codec = learnedCodec(new FakeRegistry(), userHistory)
  const log = new FakeChangelog()
  const worker = new FoldWorker(userHistory, foldDeps(codec, log))
  const position = { topic: 'user-activity', partition: 0, offset: 0 }
  await worker.restore(position)
  const activity = {
    userId: 'u1',
    review: EXAMPLE.review,
    label: null,
    source: POSITION,
    sourceAppendedAtMs: NOW_MS,
  }
  const value = codec.encode({ subject: 'user-activity-value', schema: 'UserActivity' }, activity)
  const stage = { worker, codec, position, nowMs: NOW_MS }
  const record = { topic: 'user-activity', partition: null, key: 'u1', value }
  const first = await rehearse(record, stage)
  expect(first.outcome).toBe('processed')
  expect(await rehearse(record, stage)).toEqual(first) // folded twice it would be a duplicate
})
