import { connect, type Socket } from 'node:net'

const ANSWER_WITHIN_MS = 2000

export interface Address {
  readonly host: string
  readonly port: number
}

/** Address under which this machine reaches what listens on `host`. */
export function reachableHost(host: string): string {
  return host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
}

/** Sends one request and reads until the answer is long enough; an address that does not answer gives undefined. */
async function ask({ host, port }: Address, request: Buffer, answerBytes: number): Promise<Buffer | undefined> {
  const socket: Socket = connect({ host, port, timeout: ANSWER_WITHIN_MS })
  socket.on('timeout', () => socket.destroy())
  try {
    socket.write(request)
    const parts: Buffer[] = []
    for await (const part of socket as AsyncIterable<Buffer>) {
      parts.push(part)
      const answer = Buffer.concat(parts)
      if (answer.length >= answerBytes) return answer
    }
    return undefined
  } catch {
    return undefined
  } finally {
    socket.destroy()
  }
}

/** Whether a broker answers an ApiVersions request (key 18, version 0) with its correlation id and no error. */
export async function brokerAnswers(address: Address): Promise<boolean> {
  const correlationId = 7
  const request = Buffer.alloc(14)
  request.writeInt32BE(10, 0) // bytes that follow
  request.writeInt16BE(18, 4) // ApiVersions
  request.writeInt16BE(0, 6) // version
  request.writeInt32BE(correlationId, 8)
  request.writeInt16BE(-1, 12) // no client id
  const answer = await ask(address, request, 10)
  return answer?.readInt32BE(4) === correlationId && answer.readInt16BE(8) === 0
}

/** Whether Redis answers PING; while it loads its data it answers something else. */
export async function redisAnswers(address: Address): Promise<boolean> {
  const pong = '+PONG\r\n'
  const answer = await ask(address, Buffer.from('PING\r\n'), pong.length)
  return answer?.toString('latin1') === pong
}

/**
 * Whether the registry has read its journal. Its API answers a little earlier, as if there were no schemas.
 *
 * @param origin scheme, host and port
 */
export function registryAnswers(origin: string): Promise<boolean> {
  return urlAnswers(`${origin}/health/ready`)
}

/** Whether a GET of the address is answered well. */
export async function urlAnswers(url: string): Promise<boolean> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) })
    await answer.arrayBuffer()
    return answer.ok
  } catch {
    return false
  }
}
