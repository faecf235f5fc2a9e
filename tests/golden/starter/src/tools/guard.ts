import { type LookupAddress, lookup } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";
import { ToolError } from "./tool.ts";

/** Finds all addresses of a host, in the order in which they are to be tried. */
export type Resolve = (
  hostname: string,
  callback: (error: Error | null, addresses: readonly LookupAddress[]) => void,
) => void;

/** Asks the operating system, hosts file and search domains included. */
export const systemResolve: Resolve = (hostname, callback) => lookup(hostname, { all: true }, callback);

// Blocks of the IANA IPv4 special-purpose registry that are not reachable globally, those that lead back into
// somebody's network, and the address at which Azure serves its virtual machines.
const REFUSED_IPV4: readonly [network: string, bits: number][] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["168.63.129.16", 32],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
];
const NAT64 = "64:ff9b::";
const NAT64_BITS = 96;

// Of IPv6 all is refused but global unicast and the public part of NAT64, so that loopback, link-local, unique local,
// multicast, mapped and compatible addresses need no naming.
const allowedIpv6 = new BlockList();
allowedIpv6.addSubnet("2000::", 3, "ipv6");
allowedIpv6.addSubnet(NAT64, NAT64_BITS, "ipv6");

const refused = new BlockList();
// IETF protocol assignments, Teredo among them; documentation, twice; 6to4.
refused.addSubnet("2001::", 23, "ipv6");
refused.addSubnet("2001:db8::", 32, "ipv6");
refused.addSubnet("3fff::", 20, "ipv6");
refused.addSubnet("2002::", 16, "ipv6");
for (const [network, bits] of REFUSED_IPV4) {
  refused.addSubnet(network, bits, "ipv4");
  refused.addSubnet(`${NAT64}${network}`, NAT64_BITS + bits, "ipv6");
}

/** Whether an address, IPv4 or IPv6, is one of the public Internet. */
export function isPublicAddress(address: string): boolean {
  // A zone names an interface, so the address is no global one.
  const family = address.includes("%") ? 0 : isIP(address);
  return family === 4
    ? !refused.check(address, "ipv4")
    : family === 6 && allowedIpv6.check(address, "ipv6") && !refused.check(address, "ipv6");
}

/** The entry that allows a host, if one does: its name, or `*.suffix` for every host below a suffix, not for itself. */
export function entryOf(hostname: string, allowedHosts: readonly string[]): string | undefined {
  return allowedHosts.includes(hostname)
    ? hostname
    : allowedHosts.find((host) => host.startsWith("*.") && hostname.endsWith(host.slice(1)));
}

/**
 * The URL that a text stands for; throws `ToolError` unless it is http or https at the usual port of an allowed host,
 * without credentials.
 */
export function allowedUrl(text: string, allowedHosts: readonly string[], base?: URL): URL {
  const url = URL.parse(text, base?.href);
  if (url === null || !["http:", "https:"].includes(url.protocol)) {
    throw new ToolError("expected an absolute http or https URL");
  }
  if (url.username !== "" || url.password !== "") {
    throw new ToolError("expected a URL without credentials");
  }
  // The list names hosts, not whatever else listens there.
  if (url.port !== "") {
    throw new ToolError("expected a URL without a port");
  }
  const { hostname } = url;
  const address = hostname.replace(/^\[(.*)\]$/, "$1");
  if (entryOf(hostname, allowedHosts) === undefined || (isIP(address) !== 0 && !isPublicAddress(address))) {
    throw new ToolError("this host is not among those that may be fetched");
  }
  return url;
}

/**
 * Looks a host up for a connection, and refuses it if any of its addresses is not public. The addresses that were
 * checked are those that are connected to, so a second answer of the name server changes nothing.
 */
export function guardedLookup(resolve: Resolve): LookupFunction {
  return (hostname, { all }, callback) =>
    resolve(hostname, (error, addresses) => {
      if (error !== null) {
        callback(error, []);
        return;
      }
      const [first] = addresses;
      if (first === undefined || !addresses.every(({ address }) => isPublicAddress(address))) {
        callback(new ToolError("this host has an address that may not be fetched"), []);
      } else if (all === true) {
        callback(null, [...addresses]);
      } else {
        callback(null, first.address, first.family);
      }
    });
}
