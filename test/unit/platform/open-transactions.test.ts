import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { type Broker, Writer } from '@platformatic/kafka'
import { expect, test } from 'vitest'
import { openTransactions, partitionsOf, writeMarker } from '../../../platform/open-transactions.ts'

const [NONE, UNKNOWN_TOPIC, NOT_LEADER] = [0, 3, 6]

test('a deleted topic has no open transaction; what is over is left out', async () => {
  await using broker = await brokerThat(answers(producersAnswer({ gone: UNKNOWN_TOPIC, kept: NONE })))
  const open = { topic: 'kept', partition: 0, producerId: 6, producerEpoch: 1, coordinatorEpoch: 3, startOffset: 40 }
  expect(await openTransactions(broker, new Map())).toEqual([open])
})

test('a partition without a leader is an error, whatever is said of the same partition of other topics', async () => {
  await using broker = await brokerThat(answers(producersAnswer({ led: NONE, waits: NOT_LEADER, gone: UNKNOWN_TOPIC })))
  await expect(openTransactions(broker, new Map())).rejects.toThrow('waits/0: error 6')
})

test('a marker that the broker refuses is an error', async () => {
  const refused = Writer.create().appendArray(['t'], (answer, topic) =>
    answer
      .appendInt64(6n)
      .appendArray([topic], (inner) =>
        inner
          .appendString(topic)
          .appendArray([NONE, NOT_LEADER], (each, code) => each.appendInt32(0).appendInt16(code)),
      ),
  )
  await using broker = await brokerThat(answers(refused.appendTaggedFields()))
  const open = { topic: 't', partition: 0, producerId: 6, producerEpoch: 1, coordinatorEpoch: 3, startOffset: 40 }
  await expect(writeMarker(broker, { ...open, committed: true })).rejects.toThrow('a marker for t/0: error 6')
})

test.each<[string, (socket: Socket) => void]>([
  ['resets the connection', (socket) => socket.resetAndDestroy()],
  ['hangs up in its answer', (socket) => socket.end(Buffer.from([0, 0, 0, 9, 0]))],
  ['answers too little', (socket) => socket.write(Buffer.from([0, 0, 0, 5, 0, 0, 0, 1, 0]))],
])('a broker that %s is an error, and no more', async (_, reply) => {
  await using broker = await brokerThat(reply)
  await expect(partitionsOf(broker)).rejects.toThrow()
})

/** Of DescribeProducers: of partition 0 of each topic its error, and a transaction that is open and one that is over. */
function producersAnswer(errors: Readonly<Record<string, number>>): Writer {
  return Writer.create()
    .appendInt32(0) // throttled
    .appendArray(Object.entries(errors), (answer, [topic, code]) =>
      answer.appendString(topic).appendArray([code], (partition) =>
        partition
          .appendInt32(0)
          .appendInt16(code)
          .appendString(null)
          .appendArray(code === NONE ? [40n, -1n] : [], (producer, startOffset) =>
            producer
              .appendInt64(6n)
              .appendInt32(1)
              .appendInt32(0)
              .appendInt64(0n)
              .appendInt32(3)
              .appendInt64(startOffset),
          ),
      ),
    )
    .appendTaggedFields()
}

/** Answers a connection's first request, whose correlation id is 1. */
function answers(body: Writer): (socket: Socket) => void {
  return (socket) =>
    socket.write(Writer.create().appendInt32(1).appendTaggedFields().appendFrom(body).prependLength().buffer)
}

async function brokerThat(reply: (socket: Socket) => void): Promise<Broker & AsyncDisposable> {
  const server = createServer((socket) => {
    socket.once('data', () => {
      reply(socket)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { host: '127.0.0.1', port, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() }
}
