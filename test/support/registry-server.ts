import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Asked {
  readonly call: string
  readonly authorization: string | undefined
  readonly body: unknown
}
type Answer = (response: ServerResponse, asked: Asked) => void

/** A schema registry on loopback that keeps what it was asked. `answer` decides; by default it registers everything. */
export class RegistryServer implements AsyncDisposable {
  readonly asked: Asked[] = []
  readonly url: string
  answer: Answer = (response, { call, body }) => {
    const id = Number(/^GET \/schemas\/ids\/(\d+)$/.exec(call)?.[1])
    const [, schema] = [...this.#ids].find(([, known]) => known.id === id) ?? []
    if (schema !== undefined) reply(response, 200, { schema: schema.text })
    else if (call.startsWith('PUT /config/')) reply(response, 200, body as object)
    else if (call.startsWith('POST /subjects/')) reply(response, 200, { id: this.#register(call, body) })
    else reply(response, 404, { error_code: 40_403 })
  }
  readonly #ids = new Map<string, { readonly id: number; readonly text: string }>()
  readonly #server: ReturnType<typeof createServer>
  #lastId: number

  private constructor(server: ReturnType<typeof createServer>, firstId: number) {
    this.#server = server
    this.#lastId = firstId - 1
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    server.on('request', (request, response) => void this.#serve(request, response))
  }

  static async open(firstId = 1): Promise<RegistryServer> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new RegistryServer(server, firstId)
  }

  /** Answers these statuses, one after the other, and then 500. */
  statuses(...statuses: number[]): this {
    this.answer = (response) => reply(response, statuses.shift() ?? 500, { id: 7, message: 'told' })
    return this
  }

  idOf(subject: string): number | undefined {
    const call = `POST /subjects/${subject}/versions `
    return [...this.#ids].find(([key]) => key.startsWith(call))?.[1].id
  }

  #register(call: string, body: unknown): number {
    const { schema: text } = body as { schema: string }
    const known = this.#ids.get(`${call} ${text}`) ?? { id: (this.#lastId += 1), text }
    this.#ids.set(`${call} ${text}`, known)
    return known.id
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString()
    const asked = {
      call: `${request.method ?? ''} ${request.url ?? ''}`,
      authorization: request.headers.authorization,
      body: text === '' ? undefined : (JSON.parse(text) as unknown),
    }
    this.asked.push(asked)
    this.answer(response, asked)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#server.listening) return
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }
}

export function reply(response: ServerResponse, status: number, body: object | string): void {
  response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body))
}
