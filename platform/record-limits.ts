/** Largest record of a public input: Kafka's default for a topic. Publishers may compress; the value counts unpacked. */
export const PUBLIC_RECORD_BYTES = 1_048_588
/** Largest record of any other topic: room for the largest public one and what a dead letter or a row adds to it. */
export const INTERNAL_RECORD_BYTES = 4_194_304
