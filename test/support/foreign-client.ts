import avro from 'avsc'
import { type Admin, CompressionTypes, Kafka, type KafkaMessage, logLevel, Partitioners, type Producer } from 'kafkajs'
import type { LogPosition } from '../../schemas/generated.ts'

/** A record as any client may send it: bytes that no code of ours has touched. */
export interface ForeignRecord {
  readonly topic: string
  readonly key?: Buffer | string | null
  readonly value: Buffer | string | null
  readonly headers?: Readonly<Record<string, Buffer>>
  /** Compressed by the publisher, as many clients do by default. */
  readonly gzip?: boolean
}

/** A client that shares no code with the runtime: kafkajs. */
export class ForeignClient implements AsyncDisposable {
  readonly #kafka: Kafka
  readonly #producer: Producer
  readonly admin: Admin

  private constructor(kafka: Kafka) {
    this.#kafka = kafka
    this.#producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
    this.admin = kafka.admin()
  }

  static async connect(brokers: string): Promise<ForeignClient> {
    const client = new ForeignClient(
      new Kafka({ clientId: 'foreign', brokers: brokers.split(','), logLevel: logLevel.NOTHING }),
    )
    await client.#producer.connect()
    await client.admin.connect()
    return client
  }

  /** Where the record landed. */
  async publish({ topic, key = null, value, headers = {}, gzip = false }: ForeignRecord): Promise<LogPosition> {
    const [landed] = await this.#producer.send({
      topic,
      messages: [{ key, value, headers }],
      compression: gzip ? CompressionTypes.GZIP : CompressionTypes.None,
    })
    return { topic, partition: landed?.partition ?? -1, offset: Number(landed?.baseOffset) }
  }

  /** Committed records of a topic, from its beginning: as many as asked for, or what came until the time was over. */
  async consume(topic: string, count: number, timeoutMs = 60_000): Promise<KafkaMessage[]> {
    const groupId = `foreign-${topic}`
    const consumer = this.#kafka.consumer({ groupId, readUncommitted: false, maxWaitTimeInMs: 100 })
    const received: KafkaMessage[] = []
    const { promise: enough, resolve } = Promise.withResolvers<undefined>()
    const timer = setTimeout(resolve, timeoutMs, undefined)
    try {
      await consumer.connect()
      await consumer.subscribe({ topic, fromBeginning: true })
      await consumer.run({
        autoCommit: false,
        eachMessage: ({ message }) => {
          received.push(message)
          if (received.length >= count) resolve(undefined)
          return Promise.resolve()
        },
      })
      await enough
      return received
    } finally {
      clearTimeout(timer)
      await consumer.disconnect()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#producer.disconnect()
    await this.admin.disconnect()
  }
}

const HEADER_BYTES = 5

/** Registers a schema over the registry's REST API and writes values with it in the Confluent wire format. */
export async function foreignEncoder(
  registryUrl: string,
  subject: string,
  schema: avro.Schema,
): Promise<(value: unknown) => Buffer> {
  const response = await fetch(`${registryUrl}/subjects/${subject}/versions`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
    body: JSON.stringify({ schema: JSON.stringify(schema) }),
  })
  const answer = (await response.json()) as { readonly id?: number }
  if (answer.id === undefined) throw new Error(`registering ${subject}: ${response.status} ${JSON.stringify(answer)}`)
  return encoderOf(answer.id, schema)
}

/** Writes values under a schema id, whatever the registry thinks of it. */
export function encoderOf(id: number, schema: avro.Schema): (value: unknown) => Buffer {
  const type = avro.Type.forSchema(schema)
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeInt32BE(id, 1)
  return (value) => Buffer.concat([header, type.toBuffer(value)])
}

/** The schema that the registry has of a topic's values, and its id. */
export async function registeredSchema(
  registryUrl: string,
  topic: string,
): Promise<{ id: number; schema: avro.Schema }> {
  const response = await fetch(`${registryUrl}/subjects/${topic}-value/versions/latest`)
  const { id, schema } = (await response.json()) as { readonly id: number; readonly schema: string }
  return { id, schema: JSON.parse(schema) as avro.Schema }
}

/** A later version of a record's schema, with one more field that may be left out. */
export function withOptionalField(schema: avro.Schema, name: string): avro.Schema {
  const record = schema as avro.schema.RecordType
  return { ...record, fields: [...record.fields, { name, type: ['null', 'string'], default: null }] }
}

/** Reads registry Avro with the schema that it names, asked for over the registry's REST API. */
export function foreignDecoder(registryUrl: string): (bytes: Buffer) => Promise<unknown> {
  const types = new Map<number, avro.Type>()
  return async (bytes) => {
    const id = bytes.readInt32BE(1)
    const known = types.get(id)
    if (known !== undefined) return known.fromBuffer(bytes.subarray(HEADER_BYTES)) as unknown
    const response = await fetch(`${registryUrl}/schemas/ids/${id}`)
    const { schema } = (await response.json()) as { readonly schema: string }
    const type = avro.Type.forSchema(JSON.parse(schema) as avro.Schema)
    types.set(id, type)
    return type.fromBuffer(bytes.subarray(HEADER_BYTES)) as unknown
  }
}
