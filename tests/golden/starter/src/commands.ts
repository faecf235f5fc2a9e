/** Does something with the arguments it is given; resolves to the exit code. */
export type Command = (args: readonly string[]) => Promise<number>;

/** What the bundle can do, by name; each part is loaded when it is asked for. */
export const commands: Readonly<Record<string, Command>> = {
  serve: async () => {
    const { serve } = await import("./serve.ts");
    await serve();
    return 0;
  },
  doctor: async () => (await import("./doctor/doctor.ts")).runDoctor(process.env, process.stdout),
  "audit:verify": async (args) =>
    (await import("./audit/verify-command.ts")).runVerify(args, process.stdout, process.stderr),
};
