import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Broker } from '@platformatic/kafka'
import { brokerProgram, newClusterId, prepareBroker } from '../../local-stack/kafka.ts'
import { SupervisedPart } from '../../local-stack/supervised-part.ts'
import { findTools } from '../../local-stack/tools.ts'
import { electPreferredLeaders, type Leadership, leadershipOf, rotatePreferredLeaders } from './partition-leaders.ts'
import { until } from './pipeline.ts'

const HOST = '127.0.0.1'
export const NODES = [1, 2, 3] as const
export type NodeId = (typeof NODES)[number]

interface Member {
  readonly part: SupervisedPart
  readonly address: Broker
}

/** Three brokers, controllers as well, in a temporary folder. Everything is on all of them, and two must have it. */
export class BrokerCluster implements AsyncDisposable {
  readonly #members: Readonly<Record<NodeId, Member>>
  readonly #owned: AsyncDisposableStack

  private constructor(members: Readonly<Record<NodeId, Member>>, owned: AsyncDisposableStack) {
    this.#members = members
    this.#owned = owned
  }

  static async start(): Promise<BrokerCluster> {
    await using opening = new AsyncDisposableStack()
    const folder = mkdtempSync(join(tmpdir(), 'spoiler-brokers-'))
    opening.defer(() => {
      rmSync(folder, { recursive: true, force: true })
    })
    const clusterId = newClusterId()
    const [first, second, third] = NODES.map((node) => memberOf(join(folder, String(node)), node, clusterId))
    const members = { 1: await first, 2: await second, 3: await third } as Record<NodeId, Member>
    const parts = NODES.map((node) => members[node].part)
    const onExit = (): void => {
      for (const part of parts) part.signalNow('SIGKILL')
    }
    process.once('exit', onExit)
    opening.defer(async () => {
      await Promise.all(parts.map((part) => part.stop()))
      process.off('exit', onExit)
    })
    await Promise.all(parts.map((part) => part.start()))
    return new BrokerCluster(members, opening.move())
  }

  /** As KAFKA_BROKERS. */
  get addresses(): string {
    return NODES.map((node) => `${HOST}:${this.address(node).port}`).join(',')
  }

  address(node: NodeId): Broker {
    return this.#members[node].address
  }

  pid(node: NodeId): number {
    const { pid } = this.#members[node].part
    if (pid === undefined) throw new RangeError(`broker ${node} is down`)
    return pid
  }

  kill(node: NodeId): Promise<void> {
    return this.#members[node].part.kill()
  }

  stop(node: NodeId): Promise<void> {
    return this.#members[node].part.stop()
  }

  start(node: NodeId): Promise<void> {
    return this.#members[node].part.start()
  }

  /** Waits until each partition is on all nodes; then gives it to the leader that is preferred. */
  async untilBalanced(): Promise<void> {
    await this.#untilAll('on all nodes', ({ inSync }) => inSync.length === NODES.length)
    await electPreferredLeaders(this.address(1))
    await this.#untilAll('led as preferred', ({ leader, replicas }) => leader === replicas[0])
  }

  /** Waits until the others lead all that a node has led. */
  async untilDeposed(node: NodeId): Promise<void> {
    await this.#untilAll(`led by another than broker ${node}`, ({ leader }) => leader !== node && leader > 0, node)
  }

  /** Gives each partition to another leader. */
  async moveLeaders(): Promise<void> {
    await rotatePreferredLeaders(this.address(1))
    await this.untilBalanced()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#owned.disposeAsync()
  }

  /** @param away A node that cannot be asked. */
  async #untilAll(what: string, isSo: (partition: Leadership) => boolean, away?: NodeId): Promise<void> {
    const asked = NODES.find((node) => node !== away) ?? NODES[0]
    const partitions = (): Promise<Leadership[]> => leadershipOf(this.address(asked))
    await until(
      `every partition is ${what}`,
      async () => (await partitions().catch(() => undefined))?.every(isSo) === true,
    )
  }
}

async function memberOf(folder: string, node: NodeId, clusterId: string): Promise<Member> {
  const tools = findTools()
  const ports = portsOf(node)
  const member = { clusterId, node, controllerPorts: NODES.map((each) => portsOf(each).controller) }
  const settings = { folder: join(folder, 'kafka'), host: HOST, ports, member }
  const file = await prepareBroker(tools, settings)
  const runFolder = join(folder, 'run')
  mkdirSync(runFolder)
  const part = new SupervisedPart({
    part: 'kafka',
    logFile: join(folder, 'kafka.log'),
    runFolder,
    program: () => brokerProgram(tools, settings, file),
    onProgress: () => undefined,
  })
  return { part, address: { host: HOST, port: ports.kafka } }
}

/** Of this process, beside those of its stack. */
function portsOf(node: NodeId): { readonly kafka: number; readonly controller: number } {
  const first = 30_000 + (process.pid % 400) * 6
  return { kafka: first + node - 1, controller: first + NODES.length + node - 1 }
}
