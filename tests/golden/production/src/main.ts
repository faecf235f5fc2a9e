import { type Command, commands } from "./commands.ts";

const EXIT_USAGE = 2;

async function run(command: Command): Promise<void> {
  process.exitCode = await command(args);
}

const [name = "serve", ...args] = process.argv.slice(2);
const command = commands[name];
if (command === undefined) {
  process.stderr.write(`there is no command ${JSON.stringify(name)}, but ${Object.keys(commands).join(", ")}\n`);
  process.exitCode = EXIT_USAGE;
} else {
  void run(command);
}
