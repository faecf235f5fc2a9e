// The least that could stand between a client and a model: Fastify takes JSON and asks the model, nothing else.
import { fastify } from "fastify";
import { Pool } from "undici";

const { PORT, MODEL_BASE_URL = "" } = process.env;
const { origin, pathname } = new URL(MODEL_BASE_URL);
const model = new Pool(origin, { connections: 64 });
const app = fastify();

app.post<{ Body: { input: string } }>("/v1/runs", async ({ body: { input } }) => {
  const { body } = await model.request({
    method: "POST",
    path: `${pathname}/chat/completions`,
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "bench-model", messages: [{ role: "user", content: input }] }),
  });
  const answer = (await body.json()) as { choices: [{ message: { content: string } }] };
  return { output: answer.choices[0].message.content };
});
app.get("/readyz", async () => "ready");

await app.listen({ port: Number(PORT), host: "127.0.0.1" });
