import { createHash } from 'node:crypto'
import { topicId } from '../../platform/input-record.ts'
import type { OutgoingRecord } from '../../platform/kafka-producer.ts'
import type { RecordCodec } from '../../platform/record-codec.ts'
import type { DeadLetter, DeadLetterEdit } from '../../schemas/generated.ts'
import { type TopicId, topics } from '../../schemas/topics.ts'
import { type Edit, editValue } from './edit-value.ts'
import { isRepeatable } from './letters.ts'

/** What is changed before a record goes back: its whole value, then some fields. */
export interface Mending {
  readonly bytes?: Buffer
  readonly edits: readonly Edit[]
}

/** The input of the failed step, as it is appended to its topic again. */
export interface Mended {
  readonly record: OutgoingRecord
  readonly edits: readonly DeadLetterEdit[]
}
export interface Unmendable {
  readonly problem: string
}

const OPEN_BRACE = 0x7b

/** @returns Why the record cannot go back, in words for a person, where it cannot. */
export async function mendLetter(
  letter: DeadLetter,
  { bytes, edits }: Mending,
  codec: RecordCodec,
): Promise<Mended | Unmendable> {
  const topic = topicId(letter.source.topic)
  if (!isRepeatable(letter.component, topic)) return { problem: advice(letter) }
  const original = bytes ?? letter.value
  if (original === null) return { problem: 'the letter holds no value; give one with --value-from' }
  const replaced = bytes === undefined ? [] : [wholeValue(letter.value, bytes)]
  const edited = await edit(original, { topic, edits }, codec)
  if ('problem' in edited) return edited
  const record = { topic: letter.source.topic, partition: null, key: letter.key, value: edited.value }
  const moved = await keyProblem(record, topic, codec)
  return moved ?? { record, edits: [...replaced, ...edited.edits] }
}

interface EditedBytes {
  readonly value: Buffer
  readonly edits: readonly DeadLetterEdit[]
}

async function edit(
  bytes: Buffer,
  { topic, edits }: { readonly topic: TopicId; readonly edits: readonly Edit[] },
  codec: RecordCodec,
): Promise<EditedBytes | Unmendable> {
  if (edits.length === 0) return { value: bytes, edits: [] }
  const { name, schema, publicInput } = topics[topic]
  const decoded = await codec.decode(schema, bytes, publicInput)
  if ('poison' in decoded) {
    const why = `its fields cannot be read (${decoded.poison}: ${decoded.cause})`
    return { problem: `${why}; write the value to a file with: shield dlq show --bytes, and give it with --value-from` }
  }
  const edited = editValue(decoded.value, edits)
  if ('noObjectAt' in edited) return { problem: `${edited.noObjectAt} has no fields` }
  if (bytes[0] === OPEN_BRACE) return { ...edited, value: Buffer.from(JSON.stringify(edited.value)) }
  try {
    return { ...edited, value: codec.encode({ subject: `${name}-value`, schema }, edited.value) }
  } catch (cause) {
    return { problem: `edited so, it is no ${schema}: ${(cause as Error).message}` }
  }
}

/** Records of internal topics are folded by their key: one under a wrong key would be folded into another entity. */
async function keyProblem(record: OutgoingRecord, topic: TopicId, codec: RecordCodec): Promise<Unmendable | undefined> {
  const { schema, publicInput, key } = topics[topic]
  if (publicInput) return undefined
  const decoded = await codec.decode(schema, record.value, false)
  if ('poison' in decoded) return undefined // the step says so again
  const wanted = (key as (value: unknown) => string)(decoded.value)
  const present = record.key?.toString() ?? null
  if (present === wanted) return undefined
  return { problem: `its key is ${present ?? 'missing'} and its value belongs to ${wanted}; publish the review anew` }
}

function wholeValue(before: Buffer | null, after: Buffer): DeadLetterEdit {
  return { field: '', before: before === null ? null : digest(before), after: digest(after) }
}

function digest(bytes: Buffer): string {
  return JSON.stringify({ sha256: createHash('sha256').update(bytes).digest('hex') })
}

function advice({ component, source }: DeadLetter): string {
  const by: Readonly<Record<string, string>> = {
    'redis-online-store': 'rows of Redis come from their topics again: shield redis rebuild',
    scorer: 'a version is deployed again by: shield models promote',
  }
  return by[component] ?? `${component} does not read ${source.topic} again`
}
