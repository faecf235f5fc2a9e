// Which tests run is settled before any does: a test that does not apply to the preset is not registered at all, so
// that a skipped one is always a mistake.
import { test as register, type TestContext } from "node:test";
import { type Feature, type Preset, PRESETS } from "./presets.ts";

type Body = (t: TestContext) => Promise<void> | void;

/** The generated, built project under test. */
export const SERVICE_DIR = given("SERVICE_DIR", "the folder of a generated project in which `npm run build` has run");

const name = given("PRESET", Object.keys(PRESETS).join(", "));

/** What the project under test has. */
export const preset: Preset = PRESETS[name] ?? refuse(`PRESET: expected one of ${Object.keys(PRESETS).join(", ")}`);

/** Whether the project under test has a feature. */
export const has = (feature: Feature): boolean => preset.features.includes(feature);

/** A test of the whole contract; runs where the project has all that it needs. */
export function test(title: string, body: Body, ...needs: Feature[]): void {
  if (preset.suite === "whole" && needs.every(has)) {
    void register(title, body);
  }
}

/** A test of the whole contract that presets with a smoke suite run as well. */
export function smoke(title: string, body: Body, ...needs: Feature[]): void {
  if (needs.every(has)) {
    void register(title, body);
  }
}

function given(variable: string, expected: string): string {
  return process.env[variable] ?? refuse(`${variable}: expected ${expected}`);
}

function refuse(why: string): never {
  throw new Error(why);
}
