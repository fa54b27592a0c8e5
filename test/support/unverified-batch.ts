import { ask, type Address } from '../../local-stack/health.ts'

interface Batch {
  readonly topic: string
  readonly producerId: number
  readonly producerEpoch: number
  /** Sequence number of its only record. */
  readonly sequence: number
  readonly value: string
}

const PRODUCE = { key: 0, version: 9 } as const
const IS_TRANSACTIONAL = 0x10
const NO_TAGS = unsigned(0)

/** Appends a record of a transaction to partition 0 of a topic, of which no coordinator was told. */
export async function appendUnverified(broker: Address, { topic, ...batch }: Batch): Promise<void> {
  const records = recordBatch(batch)
  const header = [int16(PRODUCE.key), int16(PRODUCE.version), int32(1), int16(-1), NO_TAGS]
  const settings = [text('any'), int16(-1), int32(10_000)] // transactional id, acknowledged by all, within
  const partitions = [unsigned(2), int32(0), unsigned(records.length + 1), records, NO_TAGS]
  const topics = [unsigned(2), text(topic), ...partitions, NO_TAGS]
  const request = Buffer.concat([...header, ...settings, ...topics, NO_TAGS])
  const isWhole = (answer: Buffer): boolean => answer.length >= 4 && answer.length >= 4 + answer.readInt32BE()
  const answer = await ask(broker, Buffer.concat([int32(request.length), request]), isWhole)
  // length, correlation id, tags, one topic: its name, one partition: its index, then the error
  const code = answer?.readInt16BE(4 + 4 + 1 + 1 + (1 + topic.length) + 1 + 4)
  if (code !== 0) throw new Error(`appending to ${topic}: error ${String(code)}`)
}

function recordBatch({ producerId, producerEpoch, sequence, value }: Omit<Batch, 'topic'>): Buffer {
  const bytes = Buffer.from(value)
  // attributes, time and offset from the first, no key, the value, no headers
  const record = Buffer.concat([
    int8(0),
    unsigned(0),
    unsigned(0),
    signed(-1),
    signed(bytes.length),
    bytes,
    unsigned(0),
  ])
  const times = [int64(Date.now()), int64(Date.now())]
  const producer = [int64(producerId), int16(producerEpoch), int32(sequence)]
  const records = [int32(1), signed(record.length), record]
  const summed = Buffer.concat([int16(IS_TRANSACTIONAL), int32(0), ...times, ...producer, ...records])
  const rest = Buffer.concat([int32(-1), int8(2), crc32c(summed), summed])
  return Buffer.concat([int64(0), int32(rest.length), rest])
}

function int8(value: number): Buffer {
  return Buffer.from([value])
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function int64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(BigInt(value))
  return bytes
}

function unsigned(value: number): Buffer {
  return value < 0x80 ? int8(value) : Buffer.concat([int8((value & 0x7f) | 0x80), unsigned(value >>> 7)])
}

function signed(value: number): Buffer {
  return unsigned(((value << 1) ^ (value >> 31)) >>> 0)
}

function text(value: string): Buffer {
  return Buffer.concat([unsigned(value.length + 1), Buffer.from(value)])
}

/** Castagnoli's sum, as RFC 3720 gives it. */
function crc32c(bytes: Buffer): Buffer {
  let sum = 0xffffffff
  for (const byte of bytes) {
    sum ^= byte
    for (let bit = 0; bit < 8; bit += 1) sum = (sum >>> 1) ^ ((sum & 1) === 1 ? 0x82f63b78 : 0)
  }
  return int32(~sum)
}
