import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigResourceTypes } from 'kafkajs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { endHangingTransactions } from '../../../local-stack/hanging-transactions.ts'
import type { Address } from '../../../local-stack/health.ts'
import { type LocalStack, startStack } from '../../../local-stack/stack.ts'
import type { PartProgress } from '../../../local-stack/supervised-part.ts'
import { type Config, loadConfig } from '../../../platform/config.ts'
import { openTransactionalProducer } from '../../../platform/kafka-producer.ts'
import { openTransactions, partitionsOf } from '../../../platform/open-transactions.ts'
import { readRecords } from '../../../platform/topic-reader.ts'
import { TRANSACTION_LOG, transactionChange } from '../../../platform/transaction-log.ts'
import { ForeignClient } from '../../support/foreign-client.ts'
import { appendUnverified } from '../../support/unverified-batch.ts'

const resources = new AsyncDisposableStack()
const progress: PartProgress[] = []
let stack: LocalStack
let config: Config
let broker: Address
let client: ForeignClient
let fencingLog: string

beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'spoiler-shield-'))
  resources.defer(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  fencingLog = join(folder, 'logs/kafka-fencing.log')
  const onProgress = (event: PartProgress): void => void progress.push(event)
  stack = resources.use(await startStack({ dataDir: folder, parts: ['kafka'], onProgress }))
  config = loadConfig({ KAFKA_BROKERS: stack.env.KAFKA_BROKERS, TRANSACTION_TIMEOUT_MS: '60000' })
  broker = { host: '127.0.0.1', port: stack.ports.kafka }
  client = resources.use(await ForeignClient.connect(stack.env.KAFKA_BROKERS))
})
afterAll(() => resources.disposeAsync())

test('transactions whose markers a broker lost end as they were decided when it starts again', async () => {
  const [committed, aborted] = ['lost-committed', 'lost-aborted']
  await losesMarker(committed, 'committed')
  await losesMarker(aborted, 'aborted')
  for (const topic of [committed, aborted]) {
    expect(await visible(topic)).not.toContain('hangs')
    expect(await open(topic)).toHaveLength(1)
  }

  await stack.stop('kafka')
  await stack.start('kafka')
  expect(progress.at(-1)?.detail).toContain('wrote the lost ends of transactions in 2 partitions')
  for (const topic of [committed, aborted]) {
    expect(await open(topic)).toEqual([])
    await client.publish({ topic, value: 'behind it' })
  }
  expect(await visible(committed)).toEqual(['before', 'hangs', 'behind it'])
  expect(await visible(aborted)).toEqual(['behind it'])
})

test('a broker that was killed is fenced before it starts again, one that was stopped is not; both have what was committed', async () => {
  const [topic, groupId] = ['killed', 'a-group']
  await client.admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true })
  await client.publish({ topic, value: 'first' })
  await client.admin.setOffsets({ groupId, topic, partitions: [{ partition: 0, offset: '1' }] })
  await stack.kill('kafka')
  await stack.start('kafka')
  expect(fencing()).toContain('fenced=1')
  expect(await visible(topic)).toEqual(['first'])
  await client.publish({ topic, value: 'second' })

  rmSync(fencingLog)
  await stack.stop('kafka')
  await stack.start('kafka')
  expect(existsSync(fencingLog)).toBe(false)
  expect(await visible(topic)).toEqual(['first', 'second'])
  const [offsets] = await client.admin.fetchOffsets({ groupId, topics: [topic] })
  expect(offsets?.partitions).toMatchObject([{ partition: 0, offset: '1' }])
})

/** What the controller said since it was active. */
function fencing(): string {
  return readFileSync(fencingLog, 'utf8').split('Performing controller activation')[1] ?? ''
}

test('a transaction that is under way is left to whoever began it', async () => {
  const topic = 'under-way'
  await client.admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true })
  await using producer = await openTransactionalProducer(config, topic)
  const record = { topic, partition: 0, key: 'k', value: Buffer.from('mine') }
  for (const turn of ['first', 'second']) {
    await producer.begin()
    await producer.sendAll([record])
    await openBegins(topic)
    expect(await endHangingTransactions(broker, config, AbortSignal.timeout(30_000)), turn).toEqual([])
    await producer.commit()
  }
  expect(await visible(topic)).toEqual(['mine', 'mine'])
})

test('a topic that is gone has no open transaction', async () => {
  expect(await openTransactions(broker, new Map([['gone', [0, 1]]]))).toEqual([])
})

/** What a broker leaves behind that skipped a marker: its log says it is over, the partition that it is open. */
async function losesMarker(topic: string, outcome: 'committed' | 'aborted'): Promise<void> {
  await client.admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true })
  await using producer = await openTransactionalProducer(config, topic)
  await producer.begin()
  await producer.sendAll([{ topic, partition: 0, key: 'k', value: Buffer.from('before') }])
  await openBegins(topic)
  await (outcome === 'committed' ? producer.commit() : producer.abort())
  const unverified = { name: 'transaction.partition.verification.enable', value: 'false' }
  const resources = [{ type: ConfigResourceTypes.BROKER, name: '1', configEntries: [unverified] }]
  await client.admin.alterConfigs({ validateOnly: false, resources })
  const { producerId, producerEpoch } = await newestProducer()
  await appendUnverified(broker, { topic, producerId, producerEpoch, sequence: 1, value: 'hangs' })
}

async function newestProducer(): Promise<{ readonly producerId: number; readonly producerEpoch: number }> {
  let newest: ReturnType<typeof transactionChange>
  for await (const { value } of readRecords(config, TRANSACTION_LOG, { from: 'beginning', follow: false })) {
    const change = transactionChange(value)
    if (change !== undefined && change.producerId >= (newest?.producerId ?? 0)) newest = change
  }
  if (newest === undefined) throw new Error('no transaction was made')
  return newest
}

async function open(topic: string) {
  return (await openTransactions(broker, await partitionsOf(broker))).filter((each) => each.topic === topic)
}

async function openBegins(topic: string): Promise<void> {
  await expect.poll(() => open(topic), { timeout: 20_000 }).toHaveLength(1)
}

/** What a reader of committed records gets; it does not wait for what is open. */
async function visible(topic: string): Promise<string[]> {
  const found = await client.consume(topic, Number.POSITIVE_INFINITY, 3_000)
  return found.map(({ value }) => String(value))
}
