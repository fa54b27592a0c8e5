import { expect, test } from 'vitest'
import { OutputCollector } from '../../../platform/batch-worker.ts'
import type { InputRecord } from '../../../platform/input-record.ts'
import { topics } from '../../../schemas/topics.ts'
import { FakeRegistry, learnedCodec } from '../../support/fake-registry.ts'

const CODE = 'SPL_SCHEMA_ID_UNKNOWN'
const CAUSE = 'the registry does not know schema id 99'

function recordOf(topic: string): InputRecord {
  return {
    topic,
    partition: 3,
    offset: 41,
    key: null,
    value: Buffer.from([0, 0, 0, 0, 99, 1]),
    appendedAtMs: 7,
    headers: [],
  }
}

const collector = () => new OutputCollector(learnedCodec(new FakeRegistry()), 'tally')
const named = Object.values(topics).map(({ name, publicInput }) => ({ name, publicInput }))

test.each(named.filter(({ publicInput }) => publicInput))(
  'a schema id that nobody knows is the mistake of a publisher on $name: a dead letter',
  ({ name }) => {
    const output = collector()
    output.reject(recordOf(name), CODE, CAUSE)
    expect(output.rejects).toEqual({ [CODE]: 1 })
    expect(output.outgoing().map(({ topic }) => topic)).toEqual(['dead-letters'])
  },
)

test.each(named.filter(({ publicInput }) => !publicInput))(
  'an id that only a component can have written stops its reader: $name',
  ({ name }) => {
    const reject = () => {
      collector().reject(recordOf(name), CODE, CAUSE)
    }
    expect(reject).toThrow(expect.objectContaining({ code: CODE, onError: 'stop' }))
    expect(reject).toThrow(`${name}/3 at offset 41: ${CAUSE}`)
  },
)

test('other poison on such a topic is a dead letter: it says nothing of the records after it', () => {
  const output = collector()
  output.reject(recordOf('user-activity'), 'SPL_AVRO_INVALID', 'cut')
  expect(output.rejects).toEqual({ SPL_AVRO_INVALID: 1 })
})
