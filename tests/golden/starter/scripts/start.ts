import { existsSync } from "node:fs";

const bundle = new URL("../dist/main.cjs", import.meta.url);
const development = {
  ENVIRONMENT: "development",
  AUTH_MODE: "none",
  MODEL_PROVIDER: "offline",
  SHUTDOWN_DELAY_MS: "0",
  HOST: "127.0.0.1",
  ADMIN_HOST: "127.0.0.1",
  STATE_DIR: ".data",
};

if (existsSync(bundle)) {
  if (existsSync(".env")) {
    process.loadEnvFile(".env");
  }
  Object.assign(process.env, { ...development, ...process.env });
  await import(bundle.href);
} else {
  process.stderr.write("there is no bundle in dist/: run `npm run build` first\n");
  process.exitCode = 1;
}
