import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { compatibilityOf, recordVersions, schemaFindings } from '../../../scripts/check-schemas.ts'
import { incompatibilities, sameSchema } from '../../../scripts/schema-compatibility.ts'
import type { Compatibility } from '../../../schemas/topics.ts'

const record = (...fields: readonly object[]) => ({ type: 'record', name: 'Film', namespace: 'spoiler_shield', fields })
const nested = (...fields: readonly object[]) => ({ type: 'record', name: 'Cast', namespace: 'spoiler_shield', fields })
const id = { name: 'id', type: 'string' }
const year = { name: 'year', type: 'int' }
const released = record(id, year)

const bothRefuse = { BACKWARD_TRANSITIVE: false, FULL_TRANSITIVE: false }
const onlyBackward = { BACKWARD_TRANSITIVE: true, FULL_TRANSITIVE: false }
const bothAccept = { BACKWARD_TRANSITIVE: true, FULL_TRANSITIVE: true }

const changes: readonly { change: string; from?: object; to: object; accepted: Record<Compatibility, boolean> }[] = [
  { change: 'nothing', to: record(id, year), accepted: bothAccept },
  {
    change: 'added field with a default',
    to: record(id, year, { name: 'cut', type: 'int', default: 0 }),
    accepted: bothAccept,
  },
  {
    change: 'added nullable field with default null',
    to: record(id, year, { name: 'cut', type: ['null', 'int'], default: null }),
    accepted: bothAccept,
  },
  { change: 'other order of fields', to: record(year, id), accepted: bothAccept },
  { change: 'removed field without default', to: record(id), accepted: onlyBackward },
  {
    change: 'removed field with a default',
    from: record(id, { ...year, default: 0 }),
    to: record(id),
    accepted: bothAccept,
  },
  { change: 'added field without default', to: record(id, year, { name: 'cut', type: 'int' }), accepted: bothRefuse },
  {
    change: 'added nullable field without default',
    to: record(id, year, { name: 'cut', type: ['null', 'int'] }),
    accepted: bothRefuse,
  },
  {
    change: 'default that does not fit',
    to: record(id, year, { name: 'cut', type: 'int', default: '0' }),
    accepted: bothRefuse,
  },
  {
    change: 'default of the second branch',
    to: record(id, year, { name: 'cut', type: ['null', 'int'], default: 0 }),
    accepted: bothRefuse,
  },
  { change: 'wider number', to: record(id, { ...year, type: 'long' }), accepted: onlyBackward },
  { change: 'narrower number', from: record(id, { ...year, type: 'long' }), to: released, accepted: bothRefuse },
  { change: 'number to string', to: record(id, { ...year, type: 'string' }), accepted: bothRefuse },
  { change: 'string to bytes', to: record({ ...id, type: 'bytes' }, year), accepted: bothRefuse },
  {
    change: 'bytes to string in an optional nested list',
    from: record({ name: 'c', type: ['null', nested({ name: 'raw', type: { type: 'array', items: 'bytes' } })] }),
    to: record({ name: 'c', type: ['null', nested({ name: 'raw', type: { type: 'array', items: 'string' } })] }),
    accepted: bothRefuse,
  },
  { change: 'required to nullable', to: record(id, { ...year, type: ['null', 'int'] }), accepted: onlyBackward },
  {
    change: 'nullable to required',
    from: record(id, { ...year, type: ['null', 'int'] }),
    to: released,
    accepted: bothRefuse,
  },
  { change: 'renamed field', to: record(id, { ...year, name: 'releaseYear' }), accepted: bothRefuse },
  {
    change: 'renamed field with an alias',
    to: record(id, { ...year, name: 'releaseYear', aliases: ['year'] }),
    accepted: bothRefuse,
  },
  { change: 'renamed record', to: { ...released, name: 'Movie' }, accepted: bothRefuse },
  { change: 'other namespace', to: { ...released, namespace: 'elsewhere' }, accepted: bothRefuse },
  {
    change: 'other items of a list',
    from: record({ name: 'cast', type: { type: 'array', items: 'string' } }),
    to: record({ name: 'cast', type: { type: 'array', items: 'int' } }),
    accepted: bothRefuse,
  },
  {
    change: 'new field without default in an optional nested record',
    from: record({ name: 'c', type: ['null', nested(id)] }),
    to: record({ name: 'c', type: ['null', nested(id, year)] }),
    accepted: bothRefuse,
  },
  {
    change: 'one more kind in a union',
    from: record({ name: 'c', type: ['null', 'int'] }),
    to: record({ name: 'c', type: ['null', 'int', 'string'] }),
    accepted: onlyBackward,
  },
  { change: 'schema that is none', to: record({ name: 'id', type: 'strin' }), accepted: bothRefuse },
]

describe.each(['BACKWARD_TRANSITIVE', 'FULL_TRANSITIVE'] as const)('%s', (mode) => {
  test.each(changes)('$change', ({ from = released, to, accepted }) => {
    const found = incompatibilities(mode, to, [{ version: 1, schema: from }])
    expect(found.length === 0, found.join('\n')).toBe(accepted[mode])
  })

  test('is transitive: fitting the newest version is not enough', () => {
    const versions = [
      { version: 1, schema: record(id) },
      { version: 2, schema: record(id, { ...year, default: 0 }) },
    ]
    expect(incompatibilities(mode, released, versions.slice(1))).toEqual([])
    expect(incompatibilities(mode, released, versions)).toEqual([expect.stringContaining('version 1')])
  })
})

test('only comments may change without a new version', () => {
  expect(sameSchema(released, { ...released, doc: 'A film.', fields: [{ ...id, doc: 'Its id.' }, year] })).toBe(true)
  expect(sameSchema(released, record(id, { ...year, default: 0 }))).toBe(false)
})

test('public inputs are BACKWARD_TRANSITIVE; outputs, nested records and changelog values are FULL_TRANSITIVE', () => {
  expect(['Review', 'ReviewLabel', 'Movie'].map(compatibilityOf)).toEqual(Array(3).fill('BACKWARD_TRANSITIVE'))
  expect(['SpoilerScore', 'LogPosition', 'EntityHistory'].map(compatibilityOf)).toEqual(
    Array(3).fill('FULL_TRANSITIVE'),
  )
})

describe('history', () => {
  const full = (): Compatibility => 'FULL_TRANSITIVE'
  const kinds = (current: Record<string, unknown>) => schemaFindings(current, full, history).map(({ kind }) => kind)
  let history = ''
  beforeEach(() => {
    history = mkdtempSync(join(tmpdir(), 'schemas-'))
  })
  afterEach(() => rmSync(history, { recursive: true }))

  test('a new record must be recorded, and then passes', () => {
    expect(kinds({ Film: released })).toEqual(['unrecorded'])
    recordVersions({ Film: released }, ['Film'], history)
    expect(JSON.parse(readFileSync(join(history, 'Film/001.avsc'), 'utf8'))).toEqual(released)
    expect(kinds({ Film: released })).toEqual([])
  })

  test('a compatible change must be recorded as the next version; the earlier one stays', () => {
    const wider = record(id, year, { name: 'cut', type: 'int', default: 0 })
    recordVersions({ Film: released }, ['Film'], history)
    const found = schemaFindings({ Film: wider }, full, history)
    expect(found).toEqual([
      {
        record: 'Film',
        kind: 'unrecorded',
        message: 'differs from version 1, compatibly: run `node scripts/check-schemas.ts --record`',
      },
    ])
    recordVersions({ Film: wider }, ['Film'], history)
    expect(readdirSync(join(history, 'Film'))).toEqual(['001.avsc', '002.avsc'])
    expect(kinds({ Film: wider })).toEqual([])
  })

  test('an incompatible change is refused, and so is a record that vanished or a damaged version', () => {
    recordVersions({ Film: released }, ['Film'], history)
    expect(kinds({ Film: record(id) })).toEqual(['incompatible'])
    expect(kinds({})).toEqual(['incompatible'])
    mkdirSync(join(history, 'Cast'))
    writeFileSync(join(history, 'Cast/001.avsc'), '{"type":"recor"}')
    expect(kinds({ Film: released, Cast: nested(id) })).toEqual(['incompatible'])
  })
})
