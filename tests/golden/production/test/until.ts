/** Waits until something holds. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The events of a stream that has ended. */
export function eventsOf(stream: string): { id: number; event: string; data: unknown }[] {
  return stream
    .split("\n\n")
    .filter((block) => block.startsWith("id: "))
    .map((block) => {
      const [id = "", event = "", data = ""] = block.split("\n").map((line) => line.replace(/^\w+: /, ""));
      return { id: Number(id), event, data: JSON.parse(data) as unknown };
    });
}
