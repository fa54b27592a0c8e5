import { reachableHost, registryAnswers } from './health.ts'
import { sharedClasses } from './jvm.ts'
import type { PartProgram } from './supervised-part.ts'
import type { Tools } from './tools.ts'

/** It says so itself, too: what answers on the port could be somebody else's registry. */
const RESTORED = 'KafkaSQL storage bootstrapped'

interface RegistrySettings {
  readonly folder: string
  readonly host: string
  readonly port: number
  /** It keeps its state in topics of this broker and nothing on disk. */
  readonly brokers: string
}

/** Apicurio Registry with its storage in Kafka. Small flags: it serves a few dozen schemas. */
export function registryProgram(tools: Tools, { folder, host, port, brokers }: RegistrySettings): PartProgram {
  const heap = ['-Xms64m', '-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-XX:+ExitOnOutOfMemoryError']
  const settings = {
    'quarkus.http.host': host,
    'quarkus.http.port': port,
    'apicurio.storage.kind': 'kafkasql',
    'apicurio.kafkasql.bootstrap.servers': brokers,
    // How long a start waits for a snapshot that may not be there (default 5 s); without one it reads the whole journal.
    'apicurio.kafkasql.consumer.poll.timeout': 500,
    'apicurio.storage.snapshot.location': folder,
    'quarkus.log.category."io.quarkus.http.access-log".level': 'WARN',
  }
  const properties = Object.entries(settings).map(([name, value]) => `-D${name}=${value}`)
  return {
    command: tools.java,
    args: [...heap, ...sharedClasses(tools, tools.registryJar), ...properties, '-jar', tools.registryJar],
    answers: async (log) => log.includes(RESTORED) && (await registryAnswers(`http://${reachableHost(host)}:${port}`)),
    readyWithinMs: 120_000,
    stopWithinMs: 30_000,
  }
}
