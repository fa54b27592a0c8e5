import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Telemetry } from './telemetry.ts'

export interface StatusServer extends AsyncDisposable {
  readonly url: string
}

/** Serves `/metrics` (Prometheus), `/ready` (200, or 503 with the reasons) and `/live`. */
export async function openStatusServer(telemetry: Telemetry, host: string, port: number): Promise<StatusServer> {
  const server = createServer((request, response) => {
    const answer = (status: number, type: string, body: string): void => {
      response.writeHead(status, { 'content-type': type }).end(body)
    }
    if (request.url === '/metrics') {
      void telemetry.registry.metrics().then((text) => answer(200, telemetry.registry.contentType, text))
    } else if (request.url === '/ready') {
      const unready = telemetry.unready()
      answer(Object.keys(unready).length === 0 ? 200 : 503, 'application/json', JSON.stringify({ unready }))
    } else if (request.url === '/live') {
      answer(200, 'application/json', '{}')
    } else {
      answer(404, 'application/json', JSON.stringify({ error: 'there are /metrics, /ready and /live' }))
    }
  })
  server.listen(port, host)
  await once(server, 'listening')
  const address = server.address() as AddressInfo
  const shownHost = address.family === 'IPv6' ? `[${address.address}]` : address.address
  return {
    url: `http://${shownHost}:${address.port}`,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
        server.closeAllConnections()
      }),
  }
}
