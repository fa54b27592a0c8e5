import { createServer } from 'node:net'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { z } from 'zod'
import { SpoilerError } from '../platform/spoiler-error.ts'

const port = z.number().int().min(1).max(65_535)
const Ports = z.object({ kafka: port, controller: port, registry: port, redis: port, s3: port })
export type Ports = Readonly<z.infer<typeof Ports>>

export const DEFAULT_PORTS: Ports = {
  kafka: 19_092,
  controller: 19_093,
  registry: 18_081,
  redis: 16_379,
  s3: 19_000,
}

/** @param wanted 0 takes any free port. @returns The port, or undefined when somebody listens there. */
async function tryPort(host: string, wanted: number): Promise<number | undefined> {
  const server = createServer()
  try {
    server.listen({ host, port: wanted, exclusive: true })
    await once(server, 'listening')
    const address = server.address()
    return typeof address === 'object' && address !== null ? address.port : undefined
  } catch {
    return undefined
  } finally {
    server.close()
  }
}

function readRemembered(file: string): { [Name in keyof Ports]?: number | undefined } {
  try {
    return Ports.partial().parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    return {} // first start, or a damaged file: it is only a preference
  }
}

async function choosePort(
  host: string,
  candidates: readonly (number | undefined)[],
  taken: Set<number>,
): Promise<number> {
  for (const candidate of [...candidates, 0, 0, 0, 0]) {
    if (candidate === undefined || taken.has(candidate)) continue
    const found = await tryPort(host, candidate)
    if (found === undefined || taken.has(found)) continue
    taken.add(found)
    return found
  }
  throw new SpoilerError('SPL_STACK_FAILED', `looking for a free port on ${host}`, { onError: 'stop' })
}

function refuseTaken(name: string, taken: number): never {
  const advice = `See who has it with: ss -ltnp 'sport = :${taken}' (macOS: lsof -i :${taken}). End it, or configure another port.`
  throw new SpoilerError('SPL_STACK_FAILED', `starting ${name}: port ${taken} is taken\n${advice}`, {
    onError: 'stop',
    context: { port: taken },
  })
}

interface PortWishes {
  readonly host: string
  /** Where the ports of the last start are remembered. */
  readonly file: string
  /** Not negotiable. */
  readonly configured: Partial<Ports>
}

/**
 * Chooses the ports of all parts: the configured one, else that of the last start, the default, any free one.
 *
 * @throws SpoilerError SPL_STACK_FAILED naming a configured port that is taken.
 */
export async function choosePorts({ host, file, configured }: PortWishes): Promise<Ports> {
  const remembered = readRemembered(file)
  const taken = new Set<number>(Object.values(configured))
  const choose = async (name: keyof Ports): Promise<number> => {
    const fixed = configured[name]
    if (fixed !== undefined) return (await tryPort(host, fixed)) ?? refuseTaken(name, fixed)
    return choosePort(host, [remembered[name], DEFAULT_PORTS[name]], taken)
  }
  const ports = {
    kafka: await choose('kafka'),
    controller: await choose('controller'),
    registry: await choose('registry'),
    redis: await choose('redis'),
    s3: await choose('s3'),
  }
  writeFileSync(file, JSON.stringify(ports))
  return ports
}
