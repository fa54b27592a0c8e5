import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { avroSchemas } from '../../../schemas/generated.ts'
import { topics } from '../../../schemas/topics.ts'
import { openCodec, topicSubjects } from '../../../platform/open-codec.ts'
import type { Subject } from '../../../platform/record-codec.ts'
import { RegistryServer } from '../../support/registry-server.ts'

const SUBJECTS: readonly Subject[] = [
  { subject: 'positions-value', schema: 'LogPosition', compatibility: 'FULL_TRANSITIVE' },
  { subject: 'labels-value', schema: 'ReviewLabel', compatibility: 'BACKWARD_TRANSITIVE' },
]
const POSITION = { topic: 'reviews', partition: 0, offset: 1 }

let server: RegistryServer
let STATE_DIR: string
beforeEach(async () => {
  server = await RegistryServer.open(10)
  STATE_DIR = mkdtempSync(join(tmpdir(), 'codec-'))
})
afterEach(async () => {
  await server[Symbol.asyncDispose]()
  rmSync(STATE_DIR, { recursive: true })
})

const open = (subjects = SUBJECTS) => openCodec({ SCHEMA_REGISTRY_URL: server.url, STATE_DIR }, subjects)
const posts = (): string[] =>
  server.asked
    .map(({ call }) => call)
    .filter((call) => call.startsWith('POST'))
    .sort()

test('the first start registers every schema under its mode, and writes with the ids it was given', async () => {
  const { codec } = await open()
  expect(posts()).toEqual(['POST /subjects/labels-value/versions', 'POST /subjects/positions-value/versions'])
  expect(server.asked.map(({ body }) => body)).toContainEqual({ compatibility: 'BACKWARD_TRANSITIVE' })
  expect(codec.encode({ subject: 'positions-value', schema: 'LogPosition' }, POSITION).readInt32BE(1)).toBe(
    server.idOf('positions-value'),
  )
})

test('a later start asks nobody: it works while the registry is down', async () => {
  const first = await open()
  await server[Symbol.asyncDispose]()
  const { codec } = await open()
  const own = { subject: 'positions-value', schema: 'LogPosition' } as const
  expect(codec.encode(own, POSITION).equals(first.codec.encode(own, POSITION))).toBe(true)
})

test('a schema that is new is registered, the others are not asked for', async () => {
  await open(SUBJECTS.slice(0, 1))
  await open()
  expect(posts()).toEqual(['POST /subjects/labels-value/versions', 'POST /subjects/positions-value/versions'])
})

test('a first start without registry is to be retried', async () => {
  await server[Symbol.asyncDispose]()
  await expect(open()).rejects.toMatchObject({ code: 'SPL_REGISTRY_UNAVAILABLE', onError: 'retry' })
})

test('ids just registered need no check; cached ones are compared with the registry', async () => {
  const first = await open()
  const asked = server.asked.length
  await first.verify()
  expect(server.asked).toHaveLength(asked)
  const second = await open()
  await second.verify()
  expect(posts()).toHaveLength(2 * SUBJECTS.length)
})

test('a registry that gives other ids than the cache stops the component and says what to delete', async () => {
  await open()
  await server[Symbol.asyncDispose]()
  server = await RegistryServer.open(500) // another registry, or an emptied one
  const opened = await open()
  await expect(opened.verify()).rejects.toMatchObject({
    code: 'SPL_SCHEMA_CACHE_STALE',
    onError: 'stop',
    message: expect.stringMatching(
      /remembered as 1\d, the registry has it as 50\d.*Delete .*schema-ids\.json/s,
    ) as string,
  })
})

test('a check while the registry is down is to be retried', async () => {
  await open()
  const opened = await open()
  await server[Symbol.asyncDispose]()
  await expect(opened.verify()).rejects.toMatchObject({ code: 'SPL_REGISTRY_UNAVAILABLE', onError: 'retry' })
})

test('every declared topic has its subject, public inputs a mode that lets them grow', () => {
  const subjects = topicSubjects()
  expect(subjects).toHaveLength(Object.keys(topics).length)
  expect(subjects.every(({ schema }) => schema in avroSchemas)).toBe(true)
  const growing = subjects.filter(({ compatibility }) => compatibility === 'BACKWARD_TRANSITIVE')
  expect(growing.map(({ subject }) => subject)).toEqual(['reviews-value', 'review-labels-value', 'movies-value'])
})
