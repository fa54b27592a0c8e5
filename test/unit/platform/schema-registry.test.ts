import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { httpSchemaRegistry, SchemaIdCache } from '../../../platform/schema-registry.ts'
import { RegistryServer, reply } from '../../support/registry-server.ts'

const SCHEMA = { type: 'string' }
const UNAVAILABLE = { code: 'SPL_REGISTRY_UNAVAILABLE', onError: 'retry' }
const REFUSED = { code: 'SPL_SCHEMA_REFUSED', onError: 'stop' }

let server: RegistryServer
beforeEach(async () => {
  server = await RegistryServer.open()
})
afterEach(() => server[Symbol.asyncDispose]())

const registry = (auth?: string) =>
  httpSchemaRegistry({
    SCHEMA_REGISTRY_URL: `${server.url}/`,
    ...(auth === undefined ? {} : { SCHEMA_REGISTRY_AUTH: auth }),
  })
const registering = (): Promise<number> => registry().register('films-value', SCHEMA, 'FULL_TRANSITIVE')

describe('registering', () => {
  test('a schema comes under its compatibility mode, the mode first', async () => {
    server.statuses(200, 200)
    expect(await registry().register('films/new-value', SCHEMA, 'FULL_TRANSITIVE')).toBe(7)
    expect(server.asked.map(({ call, body }) => [call, body])).toEqual([
      ['PUT /config/films%2Fnew-value', { compatibility: 'FULL_TRANSITIVE' }],
      ['POST /subjects/films%2Fnew-value/versions', { schema: JSON.stringify(SCHEMA) }],
    ])
  })

  test.each([
    { what: 'a mode that the registry has and does not see yet', statuses: [409], expected: UNAVAILABLE },
    { what: 'a mode that the registry does not know', statuses: [422], expected: REFUSED },
    { what: 'an incompatible schema', statuses: [200, 409], expected: REFUSED },
    { what: 'an invalid schema', statuses: [200, 422], expected: REFUSED },
    { what: 'wrong credentials', statuses: [401], expected: REFUSED },
    { what: 'a failing registry', statuses: [503], expected: UNAVAILABLE },
    { what: 'a registry that fails half-way', statuses: [200, 500], expected: UNAVAILABLE },
    { what: 'a registry that is asked too often', statuses: [429], expected: UNAVAILABLE },
  ])('$what is $expected.code', async ({ statuses, expected }) => {
    server.statuses(...statuses)
    await expect(registering()).rejects.toMatchObject(expected)
  })

  test('a refusal says what the registry said', async () => {
    server.statuses(200, 409)
    await expect(registering()).rejects.toThrow(/films-value: 409 .*told/)
  })

  test.each([
    { what: 'a page that is no JSON', body: '<html>please wait</html>' },
    { what: 'JSON of something else', body: { hello: 'world' } },
  ])('$what is no answer of a registry: SPL_REGISTRY_UNAVAILABLE', async ({ body }) => {
    server.answer = (response) => reply(response, 200, body)
    await expect(registering()).rejects.toMatchObject(UNAVAILABLE)
  })
})

describe('asking for a schema', () => {
  test('gives it, or null when the registry does not know the id', async () => {
    const id = await registering()
    expect(await registry().schemaOf(id)).toEqual(SCHEMA)
    expect(await registry().schemaOf(999)).toBeNull()
  })

  test.each([401, 403, 429, 500])(
    'an answer with status %i is SPL_REGISTRY_UNAVAILABLE, and no poison',
    async (status) => {
      server.statuses(status)
      await expect(registry().schemaOf(1)).rejects.toMatchObject(UNAVAILABLE)
    },
  )

  test('a connection that breaks in the middle of the answer is SPL_REGISTRY_UNAVAILABLE', async () => {
    server.answer = (response) => {
      response.writeHead(200, { 'content-length': 1000 })
      response.write('{"schema": ', () => response.destroy())
    }
    await expect(registry().schemaOf(1)).rejects.toMatchObject(UNAVAILABLE)
  })

  test('a registry that nobody answers for is SPL_REGISTRY_UNAVAILABLE', async () => {
    const asking = registry()
    await server[Symbol.asyncDispose]()
    await expect(asking.schemaOf(1)).rejects.toMatchObject(UNAVAILABLE)
    await expect(asking.register('films-value', SCHEMA, 'FULL_TRANSITIVE')).rejects.toMatchObject(UNAVAILABLE)
  })
})

test('credentials go along as basic authentication, and none when there are none', async () => {
  await registry('ann:s3cret').schemaOf(1)
  await registry().schemaOf(1)
  const basic = `Basic ${Buffer.from('ann:s3cret').toString('base64')}`
  expect(server.asked.map(({ authorization }) => authorization)).toEqual([basic, undefined])
})

describe('cache of schema ids', () => {
  let folder: string
  let file: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'schema-ids-'))
    file = join(folder, 'nested', 'schema-ids.json')
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  test('outlives the process', () => {
    new SchemaIdCache(file).save([['films-value', SCHEMA, 7]])
    const cache = new SchemaIdCache(file)
    expect(cache.get('films-value', SCHEMA)).toBe(7)
    expect(cache.get('reviews-value', SCHEMA)).toBeUndefined()
    expect(readdirSync(join(folder, 'nested'))).toEqual(['schema-ids.json']) // nothing half-written
  })

  test('a save keeps what was there', () => {
    new SchemaIdCache(file).save([['films-value', SCHEMA, 7]])
    new SchemaIdCache(file).save([['reviews-value', SCHEMA, 8]])
    expect(new SchemaIdCache(file).get('films-value', SCHEMA)).toBe(7)
  })

  test('a schema that changed since is a miss: its id is another', () => {
    new SchemaIdCache(file).save([['films-value', SCHEMA, 7]])
    expect(new SchemaIdCache(file).get('films-value', { type: 'bytes' })).toBeUndefined()
  })

  test.each([
    { what: 'half a file', edit: (text: string) => text.slice(0, text.length / 2) },
    { what: 'an empty file', edit: () => '' },
    { what: 'something else', edit: () => '{"films-value": 7}' },
  ])('$what is an empty cache', ({ edit }) => {
    new SchemaIdCache(file).save([['films-value', SCHEMA, 7]])
    writeFileSync(file, edit(readFileSync(file, 'utf8')))
    expect(new SchemaIdCache(file).get('films-value', SCHEMA)).toBeUndefined()
  })
})
