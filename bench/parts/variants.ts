// Bundles of one project: as it is, and with parts of it taken out at bundle time. No product code knows of this.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

/** A part of the service that a variant can do without. */
export type Part = "resilience" | "audit" | "metrics";

/** As much of esbuild as is used, which comes with the project. */
interface Esbuild {
  build(options: object): Promise<unknown>;
}

interface Loading {
  onLoad(filter: { filter: RegExp }, load: (file: { path: string }) => { contents: string; loader: "ts" }): void;
}

/** What stands in for a function of one of the service's files, or for a whole package. */
interface StandIn {
  readonly file: RegExp;
  readonly function?: string;
  readonly contents: string;
}

const STAND_INS: Readonly<Record<Part, StandIn>> = {
  resilience: {
    file: /\/src\/resilience\/upstream\.ts$/,
    function: "createUpstream",
    contents: "export const createUpstream = () => ({ call: (attempt, { signal }) => attempt(signal) });",
  },
  audit: {
    file: /\/src\/audit\/log\.ts$/,
    function: "createAuditTrail",
    contents: `
      const nothing = () => undefined;
      export const createAuditTrail = () => ({ record: nothing, check: nothing, close: async () => undefined });`,
  },
  metrics: {
    file: /\/node_modules\/@prometheus-io\/client\/.*\.[cm]?js$/,
    contents: `
      class Metric {
        inc() {} dec() {} set() {} observe() {} remove() {} reset() {} zero() {}
        labels() { return this; }
        startTimer() { return () => 0; }
      }
      export { Metric as Counter, Metric as Gauge, Metric as Histogram, Metric as Summary };
      export class Registry { contentType = "text/plain"; metrics = async () => ""; registerMetric() {} }
      export const collectDefaultMetrics = () => undefined;`,
  },
};

/** Bundles the service without some of its parts. */
export async function bundle(project: string, outfile: string, without: readonly Part[]): Promise<void> {
  const replaced = new Set<Part>();
  const plugin = {
    name: "without",
    setup(build: Loading) {
      for (const part of without) {
        const { file, function: name, contents } = STAND_INS[part];
        build.onLoad({ filter: file }, ({ path }) => {
          const original = name === undefined ? "" : readFileSync(path, "utf8");
          const rest = original.replace(`export function ${name}(`, "function replaced(");
          if (name === undefined || rest !== original) {
            replaced.add(part);
          }
          return { contents: rest + contents, loader: "ts" };
        });
      }
    },
  };
  const entryPoints = [join(project, "src/main.ts")];
  await esbuildOf(project).build({ ...options(outfile), entryPoints, plugins: [plugin] });
  const kept = without.filter((part) => !replaced.has(part));
  if (kept.length > 0) {
    throw new Error(`${kept.join(", ")}: the service no longer has what is replaced, look at bench/parts/variants.ts`);
  }
}

// Packages of the older kind ask for others at run time.
const REQUIRE = 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);';

/** Bundles the forwarder with the project's own Fastify and undici. */
export async function bundleForwarder(project: string, outfile: string): Promise<void> {
  const entryPoints = [join(import.meta.dirname, "forwarder.ts")];
  const nodePaths = [join(project, "node_modules")];
  const format = { format: "esm", banner: { js: REQUIRE } };
  await esbuildOf(project).build({ ...options(outfile), ...format, entryPoints, nodePaths });
}

function options(outfile: string): object {
  return { bundle: true, platform: "node", target: "node24", outfile, logLevel: "warning" };
}

function esbuildOf(project: string): Esbuild {
  return createRequire(join(project, "package.json"))("esbuild");
}
