import type { Config } from './config.ts'

export type KafkaConfig = Pick<
  Config,
  | 'KAFKA_BROKERS'
  | 'KAFKA_SECURITY_PROTOCOL'
  | 'KAFKA_SASL_MECHANISM'
  | 'KAFKA_SASL_USERNAME'
  | 'KAFKA_SASL_PASSWORD'
  | 'KAFKA_SSL_CA_FILE'
>

/** The settings of librdkafka that every client shares. */
export function connectionSettings(config: KafkaConfig): Record<string, string | number | boolean> {
  return {
    'metadata.broker.list': config.KAFKA_BROKERS,
    'security.protocol': config.KAFKA_SECURITY_PROTOCOL,
    ...(config.KAFKA_SASL_MECHANISM === undefined
      ? {}
      : {
          'sasl.mechanisms': config.KAFKA_SASL_MECHANISM,
          'sasl.username': config.KAFKA_SASL_USERNAME ?? '',
          'sasl.password': config.KAFKA_SASL_PASSWORD ?? '',
        }),
    ...(config.KAFKA_SSL_CA_FILE === undefined ? {} : { 'ssl.ca.location': config.KAFKA_SSL_CA_FILE }),
    'socket.keepalive.enable': true,
    'reconnect.backoff.ms': 50,
    'reconnect.backoff.max.ms': 1000,
    'topic.metadata.refresh.interval.ms': 30_000,
  }
}
