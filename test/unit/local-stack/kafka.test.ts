import { hostname } from 'node:os'
import { expect, test } from 'vitest'
import { advertisedHost, brokerProperties, type ClusterMember, newClusterId } from '../../../local-stack/kafka.ts'
import { DEFAULT_PORTS } from '../../../local-stack/ports.ts'

function settingsFor(host: string, member?: ClusterMember): Record<string, string> {
  const settings = { folder: '/data/kafka', host, ports: DEFAULT_PORTS }
  const properties = brokerProperties({ ...settings, ...(member === undefined ? {} : { member }) })
  const lines = properties.trim().split('\n')
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]))
}

test('committed offsets outlive every retention, and topics exist only when they are declared', () => {
  expect(settingsFor('127.0.0.1')).toMatchObject({
    'offsets.retention.minutes': '2147483647',
    'log.retention.ms': '-1',
    'auto.create.topics.enable': 'false',
  })
})

test('a machine that slept for up to an hour costs the only broker none of its partitions', () => {
  expect(settingsFor('127.0.0.1')['broker.session.timeout.ms']).toBe(String(3_600_000))
})

test('of several brokers each has everything, a majority has to have it, and a silent one is replaced within seconds', () => {
  const member = { clusterId: 'any', node: 2, controllerPorts: [1_001, 1_002, 1_003] }
  expect(settingsFor('127.0.0.1', member)).toMatchObject({
    'node.id': '2',
    'controller.quorum.voters': '1@127.0.0.1:1001,2@127.0.0.1:1002,3@127.0.0.1:1003',
    'default.replication.factor': '3',
    'min.insync.replicas': '2',
    'offsets.topic.replication.factor': '3',
    'transaction.state.log.replication.factor': '3',
    'transaction.state.log.min.isr': '2',
    'broker.session.timeout.ms': '6000',
  })
  expect(settingsFor('127.0.0.1')).toMatchObject({
    'node.id': '1',
    'controller.quorum.voters': '1@127.0.0.1:19093',
    'transaction.state.log.min.isr': '1',
  })
})

test('the broker listens on loopback only, the controller in any case', () => {
  expect(settingsFor('127.0.0.1')['listeners']).toBe('PLAINTEXT://127.0.0.1:19092,CONTROLLER://127.0.0.1:19093')
  expect(settingsFor('0.0.0.0')['listeners']).toBe('PLAINTEXT://0.0.0.0:19092,CONTROLLER://127.0.0.1:19093')
})

test.each([
  { host: '127.0.0.1', advertised: '127.0.0.1' },
  { host: '10.1.2.3', advertised: '10.1.2.3' },
  { host: '0.0.0.0', advertised: hostname() },
  { host: '::', advertised: hostname() },
])('bound to $host, clients are told $advertised', ({ host, advertised }) => {
  expect(advertisedHost(host)).toBe(advertised)
  expect(settingsFor(host)['advertised.listeners']).toBe(`PLAINTEXT://${advertised}:19092`)
})

test('a cluster id never looks like an option of the program that is told it', () => {
  const drawn = [Buffer.alloc(16, 0xf8), Buffer.alloc(16, 0xfb), Buffer.alloc(16, 1)]
  expect(newClusterId(() => drawn.shift() as Buffer)).toBe(Buffer.alloc(16, 1).toString('base64url'))
})
