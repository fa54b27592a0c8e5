import { expect, test } from 'vitest'
import { openStatusServer } from '../../../platform/status-server.ts'
import { Telemetry } from '../../../platform/telemetry.ts'

test('/ready is 503 with the reasons while a component is not ready, and 200 when all are', async () => {
  const telemetry = new Telemetry()
  await using server = await openStatusServer(telemetry, '127.0.0.1', 0)
  telemetry.setUnready('intake', 'SPL_REGISTRY_UNAVAILABLE while asking')
  telemetry.setUnready('scorer', 'no partitions assigned yet')
  const unready = await fetch(`${server.url}/ready`)
  expect(unready.status).toBe(503)
  expect(await unready.json()).toEqual({
    unready: { intake: 'SPL_REGISTRY_UNAVAILABLE while asking', scorer: 'no partitions assigned yet' },
  })
  telemetry.setReady('intake')
  expect((await fetch(`${server.url}/ready`)).status).toBe(503)
  telemetry.setReady('scorer')
  const ready = await fetch(`${server.url}/ready`)
  expect([ready.status, await ready.json()]).toEqual([200, { unready: {} }])
})

test('/live is 200 while the process runs, ready or not', async () => {
  const telemetry = new Telemetry()
  await using server = await openStatusServer(telemetry, '127.0.0.1', 0)
  telemetry.setUnready('intake', 'no partitions assigned yet')
  expect((await fetch(`${server.url}/live`)).status).toBe(200)
})

test('/metrics is Prometheus text', async () => {
  const telemetry = new Telemetry()
  telemetry.recordsIn.inc({ component: 'intake' }, 3)
  await using server = await openStatusServer(telemetry, '127.0.0.1', 0)
  const response = await fetch(`${server.url}/metrics`)
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
  expect(await response.text()).toMatch(/^spoiler_records_in_total\{component="intake"\} 3$/m)
})

test('anything else is 404 and says what there is', async () => {
  await using server = await openStatusServer(new Telemetry(), '127.0.0.1', 0)
  const response = await fetch(`${server.url}/`)
  expect([response.status, await response.text()]).toEqual([404, expect.stringContaining('/metrics')])
})

test('a server that is closed answers nobody, and a port in use is an error', async () => {
  const server = await openStatusServer(new Telemetry(), '127.0.0.1', 0)
  const port = Number(new URL(server.url).port)
  await expect(openStatusServer(new Telemetry(), '127.0.0.1', port)).rejects.toThrow('EADDRINUSE')
  await server[Symbol.asyncDispose]()
  await expect(fetch(`${server.url}/live`)).rejects.toThrow()
})
