import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Config, loadConfig } from '../../../platform/config.ts'
import { openIdempotentProducer } from '../../../platform/kafka-producer.ts'
import { readRecords } from '../../../platform/topic-reader.ts'
import { BrokerCluster } from '../../support/broker-cluster.ts'
import { leadershipOf } from '../../support/partition-leaders.ts'
import { createTopics, until } from '../../support/pipeline.ts'

const TOPIC = 'moved'
const PARTITIONS = 4
const KILLED = 2
const MORE = 200

let cluster: BrokerCluster
let config: Config

beforeAll(async () => {
  cluster = await BrokerCluster.start()
  config = loadConfig({ KAFKA_BROKERS: cluster.addresses, TOPIC_REPLICATION: '3' })
  await createTopics(config, [{ name: TOPIC, partitions: PARTITIONS, settings: {} }])
  await cluster.untilBalanced()
})
afterAll(() => cluster[Symbol.asyncDispose]())

test('a topic is on as many brokers as TOPIC_REPLICATION says, and each of them leads some', async () => {
  const all = await leadershipOf(cluster.address(1))
  const partitions = all.filter(({ topic }) => topic === TOPIC)
  expect(partitions.map(({ inSync }) => inSync.toSorted())).toEqual(Array(PARTITIONS).fill([1, 2, 3]))
  expect(new Set(partitions.map(({ leader }) => leader)).size).toBe(3)
})

test('while all leaders move and a broker is killed, what is published arrives once and in order', async () => {
  await using producer = await openIdempotentProducer(config, 'publisher')
  let published = 0
  let stopping = false
  const publish = async (): Promise<void> => {
    while (!stopping) {
      const value = Buffer.from(String(published))
      await producer.send({ topic: TOPIC, partition: published % PARTITIONS, key: null, value })
      published += 1
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
  const publishing = publish()
  const more = async (): Promise<void> => {
    const before = published
    await until('more is published', () => published >= before + MORE)
  }
  await more()
  const before = await leadersOf()
  await cluster.moveLeaders()
  const after = await leadersOf()
  expect(after.every((leader, partition) => leader !== before[partition])).toBe(true)
  await more()
  await cluster.kill(KILLED)
  await cluster.untilDeposed(KILLED)
  await more()
  await cluster.start(KILLED)
  stopping = true
  await publishing
  await producer.flush()

  const found: number[][] = Array.from({ length: PARTITIONS }, () => [])
  for await (const { partition, value } of readRecords(config, TOPIC, { from: 'beginning', follow: false }))
    found[partition]?.push(Number(value))
  const sent = Array.from({ length: published }, (_, i) => i)
  expect(found).toEqual(found.map((_, partition) => sent.filter((i) => i % PARTITIONS === partition)))
})

async function leadersOf(): Promise<number[]> {
  const all = await leadershipOf(cluster.address(1))
  const partitions = all.filter(({ topic }) => topic === TOPIC).toSorted((a, b) => a.partition - b.partition)
  return partitions.map(({ leader }) => leader)
}
