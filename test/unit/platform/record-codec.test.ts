import avro from 'avsc'
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { avroSchemas, type DeadLetter, type Movie, type ReviewLabel } from '../../../schemas/generated.ts'
import { RecordCodec, type Subject } from '../../../platform/record-codec.ts'
import { FakeRegistry } from '../../support/fake-registry.ts'

const POSITION: Subject = { subject: 'positions-value', schema: 'LogPosition', compatibility: 'FULL_TRANSITIVE' }
const LABEL: Subject = { subject: 'review-labels-value', schema: 'ReviewLabel', compatibility: 'BACKWARD_TRANSITIVE' }
const LETTER: Subject = { subject: 'dead-letters-value', schema: 'DeadLetter', compatibility: 'FULL_TRANSITIVE' }
const MOVIE: Subject = { subject: 'movies-value', schema: 'Movie', compatibility: 'BACKWARD_TRANSITIVE' }

const label: ReviewLabel = {
  reviewId: 'r1',
  userId: 'u1',
  movieId: 'm1',
  isSpoiler: true,
  source: 'moderator',
  labelledAtMs: 1_700_000_000_000,
  revision: 2,
}

let registry: FakeRegistry
let codec: RecordCodec
beforeEach(() => {
  registry = new FakeRegistry()
  codec = new RecordCodec(registry)
  const own: readonly (readonly [Subject, number])[] = [
    [POSITION, 258],
    [LABEL, 2],
    [LETTER, 3],
    [MOVIE, 4],
  ]
  for (const [subject, id] of own) {
    codec.learn(subject, id)
    registry.schemas.set(id, avroSchemas[subject.schema])
  }
})

const header = (id: number): Buffer => Buffer.from([0, 0, 0, id >> 8, id & 255])

/** Bytes of a label written by somebody else, with a schema that differs from ours. */
function foreign(id: number, fields: (own: Record<string, unknown>[]) => unknown[], value: object): Buffer {
  const own = structuredClone(avroSchemas.ReviewLabel) as unknown as { fields: Record<string, unknown>[] }
  const schema = { ...own, fields: fields(own.fields) }
  registry.schemas.set(id, schema)
  return Buffer.concat([header(id), avro.Type.forSchema(schema as never).toBuffer(value)])
}

describe('wire format', () => {
  test('is a zero byte, the schema id as int32 big endian, and Avro binary', async () => {
    const position = { topic: 'reviews', partition: 1, offset: 300 }
    const bytes = codec.encode(POSITION, position)
    expect(bytes.toString('hex')).toBe(`00000001020e${Buffer.from('reviews').toString('hex')}02d804`)
    expect(await codec.decode('LogPosition', bytes, false)).toEqual({ value: position })
  })

  test('our own ids are read without asking the registry', () => {
    expect(codec.decodeKnown('ReviewLabel', codec.encode(LABEL, label), true)).toEqual({ value: label })
    expect(registry.asked).toEqual([])
  })

  test('a value does not change when the next one is encoded', () => {
    const first = codec.encode(LABEL, label)
    const before = Buffer.from(first)
    codec.encode(LABEL, { ...label, reviewId: 'another', userId: 'somebody' })
    expect(first.equals(before)).toBe(true)
  })

  test('a subject that was not learned is a bug of ours', () => {
    expect(() => codec.encode({ subject: 'movies-key', schema: 'Movie' }, {})).toThrow(RangeError)
  })

  const letter = (valueBytes: number): DeadLetter => ({
    code: 'SPL_AVRO_INVALID',
    cause: 'x',
    component: 'intake',
    source: { topic: 'reviews', partition: 0, offset: 0 },
    appendedAtMs: 0,
    attempts: 1,
    key: null,
    value: Buffer.alloc(valueBytes, 0xab),
    headers: {},
  })
  const payloadOf = (value: DeadLetter): Buffer => avro.Type.forSchema(avroSchemas.DeadLetter as never).toBuffer(value)
  const overhead = 5 + payloadOf(letter(1_000_000)).length - 1_000_000
  const MIB = 1 << 20

  test.each([
    { bytes: MIB - 2 },
    { bytes: MIB - 1 },
    { bytes: MIB },
    { bytes: MIB + 1 },
    { bytes: MIB + 2 },
    { bytes: 2 * MIB - 3 },
  ])('a record of $bytes bytes is encoded as any other', ({ bytes }) => {
    const value = letter(bytes - overhead - (bytes > MIB + overhead ? 1 : 0)) // a longer length takes a byte more
    const encoded = codec.encode(LETTER, value)
    expect(encoded).toHaveLength(bytes)
    expect(encoded.equals(Buffer.concat([header(3), payloadOf(value)]))).toBe(true)
  })
})

describe('plain JSON', () => {
  test('is read on public inputs, as it is: intake validates it', async () => {
    const bytes = Buffer.from('{"reviewId": "r1", "text": "Ünïcode 🎬"}')
    expect(await codec.decode('Review', bytes, true)).toEqual({ value: { reviewId: 'r1', text: 'Ünïcode 🎬' } })
  })

  test('is refused elsewhere', async () => {
    expect(await codec.decode('UserActivity', Buffer.from('{}'), false)).toMatchObject({
      poison: 'SPL_RECORD_FORMAT_UNKNOWN',
      cause: 'first byte 0x7b',
    })
  })
})

describe('poison', () => {
  const own = (edit: (bytes: Buffer) => Buffer): Buffer => edit(codec.encode(LABEL, label))
  test.each([
    { name: 'no value', code: 'SPL_RECORD_EMPTY', bytes: () => null },
    { name: 'an empty value', code: 'SPL_RECORD_EMPTY', bytes: () => Buffer.alloc(0) },
    { name: 'text', code: 'SPL_RECORD_FORMAT_UNKNOWN', bytes: () => Buffer.from('hello') },
    { name: 'a JSON array', code: 'SPL_RECORD_FORMAT_UNKNOWN', bytes: () => Buffer.from('[{}]') },
    { name: 'broken JSON', code: 'SPL_JSON_INVALID', bytes: () => Buffer.from('{"reviewId": ') },
    { name: 'JSON in broken UTF-8', code: 'SPL_JSON_INVALID', bytes: () => Buffer.from([0x7b, 0x22, 0xff, 0x22]) },
    { name: 'half a header', code: 'SPL_AVRO_INVALID', bytes: () => Buffer.from([0, 0, 0, 0]) },
    { name: 'a header without payload', code: 'SPL_AVRO_INVALID', bytes: () => header(2) },
    { name: 'a truncated payload', code: 'SPL_AVRO_INVALID', bytes: () => own((b) => b.subarray(0, -1)) },
    { name: 'trailing bytes', code: 'SPL_AVRO_INVALID', bytes: () => own((b) => Buffer.concat([b, Buffer.from([0])])) },
    { name: 'an unknown schema id', code: 'SPL_SCHEMA_ID_UNKNOWN', bytes: () => header(999) },
  ])('$name is $code', async ({ code, bytes }) => {
    expect(await codec.decode('ReviewLabel', bytes(), true)).toEqual({
      poison: code,
      cause: expect.stringMatching(/./) as string,
    })
  })

  test('an unknown id is no poison while the registry does not know our own ids either: it is still restoring', async () => {
    registry.schemas.clear()
    await expect(codec.decode('ReviewLabel', header(999), true)).rejects.toMatchObject({
      code: 'SPL_REGISTRY_UNAVAILABLE',
      onError: 'retry',
    })
  })

  test('bytes of another of our own schemas are read as what they name, or are poison', async () => {
    registry.schemas.set(4, avroSchemas.Movie)
    const result = await codec.decode('ReviewLabel', Buffer.concat([header(4), Buffer.from([0])]), true)
    expect(result).toMatchObject({ poison: 'SPL_SCHEMA_INCOMPATIBLE' })
  })

  const long = (value: number): Buffer => avro.Type.forSchema('long').toBuffer(value)
  const movieUpToItsFirstArray = (): Buffer => {
    const movie: Movie = {
      ...(avro.Type.forSchema(avroSchemas.Movie as never).random() as unknown as Movie),
      genres: [],
    }
    const marked = { ...movie, genres: ['MARK'] }
    const bytes = codec.encode(MOVIE, marked)
    return bytes.subarray(0, bytes.indexOf('MARK') - 2)
  }

  test.each([
    { name: 'more items than it has bytes', tail: () => [long(2 ** 31)] },
    { name: 'a negative count of them', tail: () => [long(-(2 ** 31)), long(1)] },
    { name: 'an item of negative length, which would lead back to its own beginning', tail: () => [long(1), long(-2)] },
  ])('an array that claims $name is SPL_AVRO_INVALID at once, and cannot stall the component', ({ tail }) => {
    const bytes = Buffer.concat([movieUpToItsFirstArray(), ...tail(), Buffer.alloc(8)])
    expect(codec.decodeKnown('Movie', bytes, true)).toMatchObject({ poison: 'SPL_AVRO_INVALID' })
  })

  test('any bytes are a value or poison, never an exception', async () => {
    const payload = fc.uint8Array({ maxLength: 80 }).map((tail) => Buffer.concat([header(4), tail]))
    const anything = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes))
    await fc.assert(
      fc.asyncProperty(fc.oneof(payload, anything), async (bytes) => {
        const decoded = await codec.decode('Movie', bytes, true)
        expect('value' in decoded || decoded.poison.startsWith('SPL_')).toBe(true)
      }),
      { seed: 41, numRuns: 2000 },
    )
  })
})

describe('a schema of somebody else', () => {
  test('with a field more is read without it, and asked for once', async () => {
    const added = { name: 'comment', type: 'string', default: '' }
    const bytes = foreign(77, (own) => [...own, added], { ...label, comment: 'spoils the end' })
    expect(await codec.decode('ReviewLabel', bytes, true)).toEqual({ value: label })
    expect(await codec.decode('ReviewLabel', bytes, true)).toEqual({ value: label })
    expect(codec.decodeKnown('ReviewLabel', bytes, true)).toEqual({ value: label })
    expect(registry.asked).toEqual([77])
  })

  test('without a field that has a default is read with the default', async () => {
    const { revision: _, ...older } = label
    const bytes = foreign(78, (own) => own.filter(({ name }) => name !== 'revision'), older)
    expect(await codec.decode('ReviewLabel', bytes, true)).toEqual({ value: { ...label, revision: 0 } })
  })

  test.each([
    {
      name: 'without a field that has no default',
      fields: (own: Record<string, unknown>[]) => own.filter((field) => field['name'] !== 'movieId'),
    },
    {
      name: 'with another type',
      fields: (own: Record<string, unknown>[]) =>
        own.map((field) => (field['name'] === 'isSpoiler' ? { ...field, type: 'string' } : field)),
    },
  ])('$name is SPL_SCHEMA_INCOMPATIBLE, and asked for once', async ({ fields }) => {
    const value = { ...label, isSpoiler: true as boolean | string }
    if (fields([{ name: 'isSpoiler' }])[0]?.['type'] === 'string') value.isSpoiler = 'yes'
    const bytes = foreign(79, fields, value)
    const poison = { poison: 'SPL_SCHEMA_INCOMPATIBLE', cause: expect.stringMatching(/./) as string }
    expect(await codec.decode('ReviewLabel', bytes, true)).toEqual(poison)
    expect(await codec.decode('ReviewLabel', bytes, true)).toEqual(poison)
    expect(registry.asked).toEqual([79])
  })

  test('whose skipped array leads back to its own beginning is poison, and cannot stall the component', async () => {
    const tags = { name: 'tags', type: { type: 'array', items: 'string' }, default: [] }
    const bytes = foreign(80, (own) => [tags, ...own], { ...label, tags: [] })
    const backwards = Buffer.concat([header(80), Buffer.from([1, 3]), bytes.subarray(6)]) // a block of -2 bytes
    expect(await codec.decode('ReviewLabel', backwards, true)).toMatchObject({ poison: 'SPL_AVRO_INVALID' })
  })

  test('that the registry does not know yet is asked for again', async () => {
    expect(await codec.decode('ReviewLabel', header(81), true)).toMatchObject({ poison: 'SPL_SCHEMA_ID_UNKNOWN' })
    const bytes = foreign(81, (own) => own, label)
    expect(await codec.decode('ReviewLabel', bytes, true)).toEqual({ value: label })
    expect(registry.asked.filter((id) => id === 81)).toHaveLength(2)
  })

  test('while the registry is down is no poison: the error asks for a retry, and nothing is remembered', async () => {
    const bytes = foreign(82, (own) => own, label)
    registry.down = true
    await expect(codec.decode('ReviewLabel', bytes, true)).rejects.toMatchObject({
      code: 'SPL_REGISTRY_UNAVAILABLE',
      onError: 'retry',
    })
    expect(codec.decodeKnown('ReviewLabel', bytes, true)).toBeUndefined()
    registry.down = false
    expect(await codec.decode('ReviewLabel', bytes, true)).toEqual({ value: label })
  })
})
