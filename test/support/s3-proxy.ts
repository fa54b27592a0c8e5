import { once } from 'node:events'
import { createServer, type IncomingMessage, request as httpRequest, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What a person would call the step of a rotation that a request is. */
export type S3Step = 'put a file' | 'list a chain' | 'read a footer' | 'other'
/** `full`: what a server answers whose disk is full. `cut before`: the server never hears of it. */
export type S3Fault = 'none' | 'full' | 'cut before' | 'cut after'

export interface S3Proxy extends AsyncDisposable {
  readonly url: string
  /** Asked about each request; may wait, and may end the one who asks. */
  onRequest: (step: S3Step) => S3Fault | Promise<S3Fault>
  /** Called when a connection is cut, after the server has answered if it heard of the request. */
  onCut: () => void
}

/** A relay in front of an S3 server that fails as told. It leaves the Host header alone, which the signature covers. */
export async function openS3Proxy(targetPort: number): Promise<S3Proxy> {
  const proxy: Hooks = { onRequest: () => 'none', onCut: () => undefined }
  const server = createServer((request, response) => {
    relay(request, response, { targetPort, proxy }).catch(() => response.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return Object.assign(proxy, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  })
}

function stepOf({ method, url = '', headers }: IncomingMessage): S3Step {
  if (method === 'PUT' && url.includes('.parquet')) return 'put a file'
  if (method === 'GET' && url.includes('list-type=2')) return 'list a chain'
  return method === 'GET' && headers.range !== undefined ? 'read a footer' : 'other'
}

type Hooks = Pick<S3Proxy, 'onRequest' | 'onCut'>
interface Target {
  readonly targetPort: number
  readonly proxy: Hooks
}

async function relay(request: IncomingMessage, response: ServerResponse, { targetPort, proxy }: Target): Promise<void> {
  const body: Buffer[] = []
  for await (const part of request as AsyncIterable<Buffer>) body.push(part)
  const fault = await proxy.onRequest(stepOf(request))
  const cut = (): void => {
    proxy.onCut()
    response.destroy()
  }
  if (fault === 'cut before') {
    cut()
    return
  }
  if (fault === 'full') {
    return void response.writeHead(507).end('<Error><Code>InsufficientStorage</Code><Message>full</Message></Error>')
  }
  const { method, url: path, headers } = request
  const onward = httpRequest({ host: '127.0.0.1', port: targetPort, method, path, headers })
  onward.end(Buffer.concat(body))
  const [answer] = (await once(onward, 'response')) as [IncomingMessage]
  const answered: Buffer[] = []
  for await (const part of answer as AsyncIterable<Buffer>) answered.push(part)
  if (fault === 'cut after') {
    cut()
    return
  }
  response.writeHead(answer.statusCode ?? 500, answer.headers).end(Buffer.concat(answered))
}
