import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

export type ProxyFault =
  'none' | 'refuse' | 'cut before request' | 'cut before reply' | 'swallow replies' | 'slow replies'

/** Under `slow replies`, each. */
const SLOW_MS = 700

export interface TcpProxy extends AsyncDisposable {
  readonly port: number
  /** Holds for open connections and new ones. Cutting happens when the next bytes come. */
  setFault(fault: ProxyFault): void
}

/** A relay on loopback that fails as told: what the server did not hear, or heard while its answer was lost. */
export async function openTcpProxy(targetPort: number): Promise<TcpProxy> {
  let fault: ProxyFault = 'none'
  const sockets = new Set<Socket>()
  const track = (socket: Socket): Socket => {
    sockets.add(socket)
    return socket.on('close', () => sockets.delete(socket)).on('error', () => socket.destroy())
  }
  const server = createServer((client) => {
    track(client)
    if (fault === 'refuse') return void client.destroy()
    const target = track(connect(targetPort, '127.0.0.1'))
    client.on('close', () => target.destroy())
    target.on('close', () => client.destroy())
    client.on('data', (bytes) => (fault === 'cut before request' ? client.destroy() : target.write(bytes)))
    target.on('data', (bytes) => {
      if (fault === 'cut before reply') client.destroy()
      else if (fault === 'slow replies') setTimeout(() => client.writable && client.write(bytes), SLOW_MS)
      else if (fault !== 'swallow replies') client.write(bytes)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    setFault: (next) => {
      fault = next
    },
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
