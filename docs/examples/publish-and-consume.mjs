import avro from 'avsc'
import { Kafka } from 'kafkajs'

const { KAFKA_BROKERS = '127.0.0.1:19092', SCHEMA_REGISTRY_URL = 'http://127.0.0.1:18081/apis/ccompat/v7' } =
  process.env
const kafka = new Kafka({ brokers: KAFKA_BROKERS.split(','), logLevel: 1 })
const [producer, consumer] = [kafka.producer(), kafka.consumer({ groupId: 'my-javascript-app' })]
await Promise.all([producer.connect(), consumer.connect()])

const text = 'A fine film, until the butler turns out to be the murderer.'
const review = { reviewId: crypto.randomUUID(), userId: 'ada', movieId: 'tt0000001', text, writtenAtMs: Date.now() }
await producer.send({ topic: 'reviews', messages: [{ key: review.userId, value: JSON.stringify(review) }] })

// A score is Avro behind five bytes: a zero, and the id of its schema in the registry.
const fetchType = async (id) => {
  const { schema } = await (await fetch(`${SCHEMA_REGISTRY_URL}/schemas/ids/${id}`)).json()
  return avro.Type.forSchema(JSON.parse(schema))
}
const types = {}
const eachMessage = async ({ message: { value } }) => {
  const type = await (types[value.readInt32BE(1)] ??= fetchType(value.readInt32BE(1)))
  const { reviewId, probability, modelName } = type.fromBuffer(value.subarray(5))
  if (reviewId !== review.reviewId) return
  console.log(`${reviewId} is a spoiler with probability ${probability.toFixed(3)}, says ${modelName}`)
  setImmediate(() => Promise.all([producer.disconnect(), consumer.disconnect()]))
}
await consumer.subscribe({ topic: 'spoiler-scores', fromBeginning: true })
await consumer.run({ eachMessage })
