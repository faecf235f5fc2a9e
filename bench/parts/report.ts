/** What was measured under one load. */
export interface Sample {
  readonly perSecond: number;
  /** Microseconds of processor time for a request. */
  readonly cpuUs: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

/** What was measured of a variant: medians over the rounds. */
export interface Figures {
  readonly name: string;
  /** With a model that takes no time, so that the processor is what there is too little of. */
  readonly at0: Sample;
  /** With a model that takes some. */
  readonly slow: Sample;
  readonly idleMiB: number;
  readonly loadedMiB: number;
}

interface Conditions {
  readonly rounds: number;
  readonly connections: number;
  readonly modelMs: number;
  readonly starts: number;
  readonly startMs: number;
  /** Microseconds of processor time for one signature; a run has two. */
  readonly signatureUs: number;
}

/** The service beside another variant: medians of what was measured round by round, as both took turns. */
export interface Ratios {
  /** Processor time beside the service without its parts. */
  readonly cpu: number;
  /** The same of the service without its audit log. */
  readonly unaudited: number;
  /** Requests per second beside the forwarder. */
  readonly at0: number;
  readonly slow: number;
}

const MIB_PER_MB = 1e6 / 1_048_576;

/** The figures as a section of a page, with the bars that they are held against. */
export function report(service: Figures, figures: readonly Figures[], ratios: Ratios, conditions: Conditions): string {
  const { rounds, connections, modelMs, starts, startMs, signatureUs } = conditions;
  const bars = [
    bar("CPU a request, beside the service without the three", ratios.cpu, "most", 1.15),
    `| the same without audit | ${ratios.unaudited.toFixed(2)} | | |`,
    `| two Ed25519 signatures alone, in µs CPU | ${(2 * signatureUs).toFixed(0)} | | |`,
    bar(`requests/s beside the forwarder, model ${modelMs} ms`, ratios.slow, "least", 0.6),
    bar("requests/s beside the forwarder, model 0 ms", ratios.at0, "least", 0.6),
    bar("resident memory of the service, idle, in MB", service.idleMiB / MIB_PER_MB, "most", 100),
    bar("from start to ready, in ms", startMs, "most", 700),
  ];
  return [
    `Node ${process.version}; medians of ${rounds} rounds in which all took turns; ${connections} connections, kept alive,`,
    `in a closed loop; ready: the median of ${starts} starts. The model answers at once, or after ${modelMs} ms.`,
    "",
    `| | µs CPU | requests/s | p50 ms | p99 ms | requests/s at ${modelMs} ms | p50 | p99 | idle MiB | loaded MiB |`,
    "|---|---|---|---|---|---|---|---|---|---|",
    ...figures.map(row),
    "",
    "| | measured | bar | |",
    "|---|---|---|---|",
    ...bars,
    "",
  ].join("\n");
}

function row({ name, at0, slow, idleMiB, loadedMiB }: Figures): string {
  const cells = [
    at0.cpuUs.toFixed(0),
    at0.perSecond.toFixed(0),
    at0.p50.toFixed(1),
    at0.p99.toFixed(1),
    slow.perSecond.toFixed(0),
    slow.p50.toFixed(1),
    slow.p99.toFixed(1),
    idleMiB.toFixed(0),
    loadedMiB.toFixed(0),
  ];
  return `| ${name} | ${cells.join(" | ")} |`;
}

function bar(what: string, value: number, at: "most" | "least", limit: number): string {
  const kept = at === "most" ? value <= limit : value >= limit;
  return `| ${what} | ${value.toFixed(limit < 2 ? 2 : 0)} | at ${at} ${limit} | ${kept ? "kept" : "missed"} |`;
}
