/** Does something with the arguments it is given; resolves to the exit code. */
type Command = (args: readonly string[]) => Promise<number>;

const EXIT_USAGE = 2;

// What the bundle can do, by name; each part is loaded when it is asked for.
const COMMANDS: Readonly<Record<string, Command>> = {
  serve: async () => {
    const { serve } = await import("./serve.ts");
    await serve();
    return 0;
  },
  migrate: async () => (await import("../commands/migrate.ts")).runMigrate(process.env),
  "schema:wait": async () => (await import("../commands/migrate.ts")).runSchemaWait(process.env),
  doctor: async () => (await import("../commands/doctor.ts")).runDoctor(process.env, process.stdout),
  "audit:export": async () => (await import("../commands/audit-export.ts")).runAuditExport(process.env, process.stdout),
  "audit:verify": async (args) =>
    (await import("../commands/audit-verify.ts")).runVerify(args, process.stdout, process.stderr),
};

async function run(command: Command): Promise<void> {
  process.exitCode = await command(args);
}

const [name = "serve", ...args] = process.argv.slice(2);
const command = COMMANDS[name];
if (command === undefined) {
  process.stderr.write(`there is no command ${JSON.stringify(name)}, but ${Object.keys(COMMANDS).join(", ")}\n`);
  process.exitCode = EXIT_USAGE;
} else {
  void run(command);
}
