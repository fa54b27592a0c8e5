import { connect } from 'node:net'

const ANSWER_WITHIN_MS = 2000

/** Whether somebody takes a connection at `host:port`. */
export function tcpAnswers(address: string): Promise<boolean> {
  const colon = address.lastIndexOf(':')
  const host = address.slice(0, colon).replaceAll(/[[\]]/g, '')
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect({ host, port: Number(address.slice(colon + 1)), timeout: ANSWER_WITHIN_MS })
  socket.once('connect', () => resolve(true))
  for (const event of ['error', 'timeout'] as const) socket.once(event, () => resolve(false))
  return promise.finally(() => socket.destroy())
}
