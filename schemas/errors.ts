/** Every error code of the project: what it means and what to do. docs/ERRORS.md is checked against it. */
export const ERRORS = {
  // --- poison records: the record goes to `dead-letters`, the component goes on
  SPL_RECORD_EMPTY: 'The record has no value, or an empty one.',
  SPL_RECORD_TOO_LARGE: 'The value of a public input is larger than 1 MiB once it is unpacked.',
  SPL_RECORD_FORMAT_UNKNOWN: 'The value is neither registry Avro (first byte 0) nor a JSON object (first byte "{").',
  SPL_JSON_INVALID: 'The value begins like JSON and cannot be parsed.',
  SPL_AVRO_INVALID: 'The bytes do not decode with the schema that they name.',
  SPL_SCHEMA_ID_UNKNOWN: 'The registry does not know the schema id of the record.',
  SPL_SCHEMA_INCOMPATIBLE: 'The schema that the record was written with cannot be read as the schema of the topic.',
  SPL_FIELD_MISSING: 'A required field is missing.',
  SPL_FIELD_INVALID: 'A field has the wrong type.',
  SPL_ID_INVALID: 'An id is empty, longer than 200 UTF-16 units, or holds control characters or lone surrogates.',
  SPL_REVIEW_EMPTY: 'The text of the review is empty.',
  SPL_REVIEW_TOO_LONG: 'The text of the review, or of a movie field, is longer than its limit.',
  SPL_RATING_INVALID: 'The rating is neither null nor a whole number from 1 to 10.',
  SPL_EVENT_TIME_INVALID: 'The event time lies before 1970 or after the append time of the record.',
  SPL_REVISION_INVALID: 'The revision is not a whole number of at least 0.',
  SPL_LABEL_SOURCE_REFUSED: 'The source of the label is unknown, or a model made the label.',
  SPL_MOVIE_MISMATCH: 'A label or a new revision names another movie than the review did: one of the ids is wrong.',
  SPL_FEATURE_ROW_INVALID: 'The feature row does not fit its feature service.',
  SPL_FEATURE_SERVICE_UNKNOWN: 'The feature row belongs to a feature service that the serving model does not read.',
  SPL_PROCESSING_FAILED: 'The processor threw on this record: a bug of ours.',
  // --- dependencies: the component pauses, reports itself unready and goes on by itself
  SPL_REGISTRY_UNAVAILABLE: 'The schema registry does not answer.',
  SPL_REDIS_UNAVAILABLE: 'Redis does not answer.',
  SPL_S3_UNAVAILABLE: 'The object store does not answer, or is overloaded or full.',
  SPL_BROKER_UNAVAILABLE: 'The Kafka broker does not answer.',
  // --- transactions
  SPL_TRANSACTION_ABORTED: 'The transaction was aborted; the batch is computed again from the committed offsets.',
  SPL_TRANSACTION_FATAL: 'The producer was fenced or met a fatal error; the process exits and is started anew.',
  SPL_TRANSACTION_STUCK: 'A transaction step passed its deadline; the process exits and is started anew.',
  // --- stops: a person decides
  SPL_OFFSET_MISMATCH: 'The state was folded up to another offset than the group has committed.',
  SPL_OFFSET_OUT_OF_RETENTION: 'Retention has deleted records that were not yet processed.',
  SPL_OFFSET_BEYOND_LOG: 'The committed offset lies behind the end of the log: the topic was deleted or recreated.',
  SPL_OFFSET_MISSING: 'The group has no committed offset and the log does not begin at 0.',
  SPL_TOPIC_MISSING: 'A topic does not exist.',
  SPL_TOPIC_DIFFERS: 'A topic has another partition count or policy than declared.',
  SPL_SCHEMA_REFUSED: 'The registry refused a schema as incompatible.',
  SPL_SCHEMA_CACHE_STALE: 'The schema-id cache on disk does not match the registry.',
  SPL_S3_REFUSED: 'The object store refused a request: credentials, permissions or the name of the bucket.',
  SPL_S3_UNCONDITIONAL:
    'The object store overwrites objects that must not be overwritten: it has no conditional writes.',
  SPL_CHAIN_BROKEN: 'The Parquet files of a partition have a gap or an overlap, or one of them cannot be read.',
  SPL_CONFIG_INVALID: 'The configuration is invalid.',
  SPL_MODEL_INVALID: 'A model version is damaged, incomplete, or misses its golden rows.',
  SPL_STACK_FAILED: 'A part of the local stack did not start.',
  SPL_SETUP_FAILED: 'Something that the project needs is missing and could not be brought.',
  SPL_INPUT_FILE_INVALID: 'A file given on the command line cannot be read as what it should be.',
  SPL_USAGE: 'The command line is not understood.',
} as const

export type ErrorCode = keyof typeof ERRORS
