import functools, io, json, os, time, urllib.request, uuid
from confluent_kafka import Consumer, Producer
from fastavro import parse_schema, schemaless_reader

brokers = os.environ.get("KAFKA_BROKERS", "127.0.0.1:19092")
registry = os.environ.get("SCHEMA_REGISTRY_URL", "http://127.0.0.1:18081/apis/ccompat/v7")

text = "A fine film, until the butler turns out to be the murderer."
review = {"reviewId": str(uuid.uuid4()), "userId": "ada", "movieId": "tt0000001", "text": text}
review["writtenAtMs"] = int(time.time() * 1000)
producer = Producer({"bootstrap.servers": brokers})
producer.produce("reviews", json.dumps(review), key=review["userId"])
producer.flush()


@functools.cache
def fetch_schema(schema_id):
    with urllib.request.urlopen(f"{registry}/schemas/ids/{schema_id}") as answer:
        return parse_schema(json.loads(json.load(answer)["schema"]))


consumer = Consumer({"bootstrap.servers": brokers, "group.id": "my-python-app", "auto.offset.reset": "earliest"})
consumer.subscribe(["spoiler-scores"])
score = {}
while score.get("reviewId") != review["reviewId"]:
    message = consumer.poll(1.0)
    if message and not message.error():
        # Avro behind five bytes: a zero, and the id of its schema in the registry.
        value = message.value()
        score = schemaless_reader(io.BytesIO(value[5:]), fetch_schema(int.from_bytes(value[1:5], "big")))
consumer.close()
print(f"{score['reviewId']} is a spoiler with probability {score['probability']:.3f}, says {score['modelName']}")
