import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { httpSchemaRegistry } from '../../../platform/schema-registry.ts'

/** A registry that gives these statuses, one after the other, and keeps what it was asked. */
async function answering(...statuses: readonly number[]) {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(`${request.method ?? ''} ${request.url ?? ''}`)
    response.writeHead(statuses[asked.length - 1] ?? 500).end(JSON.stringify({ id: 7, message: 'told' }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const SCHEMA_REGISTRY_URL = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    asked,
    registry: httpSchemaRegistry({ SCHEMA_REGISTRY_URL }),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

test('a schema is registered under its compatibility mode, the mode first', async () => {
  await using server = await answering(200, 200)
  expect(await server.registry.register('films/new-value', { type: 'string' }, 'FULL_TRANSITIVE')).toBe(7)
  expect(server.asked).toEqual(['PUT /config/films%2Fnew-value', 'POST /subjects/films%2Fnew-value/versions'])
})

test.each([
  { what: 'a mode that the registry has and does not see yet', statuses: [409], code: 'SPL_REGISTRY_UNAVAILABLE' },
  { what: 'a mode that the registry does not know', statuses: [422], code: 'SPL_SCHEMA_REFUSED' },
  { what: 'an incompatible schema', statuses: [200, 409], code: 'SPL_SCHEMA_REFUSED' },
  { what: 'a failing registry', statuses: [503], code: 'SPL_REGISTRY_UNAVAILABLE' },
])('$what is $code', async ({ statuses, code }) => {
  await using server = await answering(...statuses)
  const onError = code === 'SPL_SCHEMA_REFUSED' ? 'stop' : 'retry'
  const registering = server.registry.register('films-value', { type: 'string' }, 'FULL_TRANSITIVE')
  await expect(registering).rejects.toMatchObject({ code, onError })
})
