// Health check of the image: whether the component in this container says that it is ready.
const { METRICS_PORT } = process.env
const answer = await fetch(`http://127.0.0.1:${METRICS_PORT}/ready`).catch((error) => ({
  ok: false,
  text: () => error.message,
}))
if (!answer.ok) {
  process.stdout.write(await answer.text()) // the engine keeps it: docker inspect shows why
  process.exitCode = 1
}
