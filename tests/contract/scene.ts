import { after } from "node:test";
import type { Client } from "./client.ts";
import type { FakeModel } from "./fake-model.ts";
import { type Tools, toolsOf } from "./tools.ts";
import { type Settings, World } from "./world.ts";

/** What most tests begin with. */
export interface Scene {
  readonly world: World;
  /** Remembers nothing of earlier tests. */
  readonly model: FakeModel;
  readonly tools: Tools;
  /** The name of a tenant that nobody has been yet. */
  readonly tenant: string;
  /** A client of that tenant. */
  readonly client: Client;
}

/** One world for all tests of a file, made when the first of them asks for it. */
export function sharedWorld(settings: Settings = {}): () => Promise<World> {
  let started: Promise<World> | undefined;
  after(async () => (await started)?.end());
  return () => (started ??= World.start(settings));
}

/** A world for one test, which ends with it. */
export async function worldFor(t: { after(end: () => Promise<void>): void }, settings: Settings = {}): Promise<World> {
  const world = await World.start(settings);
  t.after(() => world.end());
  return world;
}

/** The shared world with all that most tests begin with. */
export function scene(settings: Settings = {}): () => Promise<Scene> {
  const world = sharedWorld(settings);
  return async () => set(await world());
}

/** The same, for one test. */
export async function sceneFor(...options: Parameters<typeof worldFor>): Promise<Scene> {
  return set(await worldFor(...options));
}

async function set(world: World): Promise<Scene> {
  world.model.reset();
  const tools = await toolsOf(world);
  const { name: tenant, client } = world.tenant();
  return { world, model: world.model, tools, tenant, client };
}
