// Runs vector files: one JSON line a case on stdout. Exit code 1 if a case fails, 2 if a file cannot be run.
import { runFile, VectorError } from "./suite.ts";

const files = process.argv.slice(2);

try {
  if (files.length === 0) {
    throw new VectorError("usage: npm run -s conformance -- FILE…");
  }
  for (const file of files) {
    for await (const { name, ok, got } of runFile(file)) {
      process.stdout.write(`${JSON.stringify({ name, ok, got })}\n`);
      process.exitCode = ok ? process.exitCode : 1;
    }
  }
} catch (error) {
  if (!(error instanceof VectorError)) {
    throw error;
  }
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
