import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { choosePorts, type Ports } from '../../../local-stack/ports.ts'

const host = '127.0.0.1'
let folder: string
let file: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ports-'))
  file = join(folder, 'ports.json')
})
afterEach(() => {
  rmSync(folder, { recursive: true })
})

async function listen(port = 0): Promise<{ server: Server; port: number }> {
  const server = createServer().listen({ host, port })
  await once(server, 'listening')
  return { server, port: (server.address() as { port: number }).port }
}

test('a second start gets the ports of the first, also when those were not the defaults', async () => {
  const first = await choosePorts({ host, file, configured: {} })
  const moved = { ...first, redis: (await choosePorts({ host, file: join(folder, 'other'), configured: first })).redis }
  writeFileSync(file, JSON.stringify(moved))
  expect(await choosePorts({ host, file, configured: {} })).toEqual(moved)
})

test('a remembered port that somebody took is replaced by a free one, and that is remembered', async () => {
  const { server, port } = await listen()
  writeFileSync(file, JSON.stringify({ kafka: port }))
  const ports = await choosePorts({ host, file, configured: {} })
  server.close()
  expect(ports.kafka).not.toBe(port)
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(ports)
})

test('no two parts get one port, even when one is configured as the port that another had', async () => {
  const before = await choosePorts({ host, file, configured: {} })
  const ports = await choosePorts({ host, file, configured: { registry: before.kafka } })
  expect(ports.registry).toBe(before.kafka)
  expect(new Set(Object.values(ports)).size).toBe(5)
})

test('a configured port that is taken is an error that names it, and how to find who has it', async () => {
  const { server, port } = await listen()
  const configured: Partial<Ports> = { redis: port }
  await expect(choosePorts({ host, file, configured })).rejects.toMatchObject({
    code: 'SPL_STACK_FAILED',
    context: { port },
    message: expect.stringMatching(new RegExp(`starting redis: port ${port} is taken[^]*ss -ltnp`)) as string,
  })
  server.close()
})

test('a damaged memory is no more than a lost preference', async () => {
  writeFileSync(file, '{"kafka": 19')
  expect(Object.keys(await choosePorts({ host, file, configured: {} }))).toEqual([
    'kafka',
    'controller',
    'registry',
    'redis',
    's3',
  ])
})
