// Turns the lockfile of everything into a template: a part of a sound tree is sound, if it has all that its
// dependencies need. `tests/lock` calls it.
import { readFileSync } from "node:fs";

const NAME = "the-name-of-the-project";
const ALWAYS = "";

/** Ends with a message; nothing has been written yet. */
function die(message) {
  process.stderr.write(`error: ${message}\n`);
  process.exit(1);
}

/** The package.json of a project with everything in it. */
function whole(template) {
  const lines = template.split("\n").filter((line) => !line.startsWith("<%"));
  return lines.join("\n").replace("«name | json»", `"${NAME}"`).replace("«description | json»", '""');
}

/** The condition under which each dependency stands in a template of package.json. */
function conditions(template) {
  const found = new Map();
  let condition = ALWAYS;
  for (const line of template.split("\n")) {
    if (line.startsWith("<%")) {
      condition = /^<%- if (.*) %>$/.exec(line)?.[1] ?? (line === "<%- endif %>" ? ALWAYS : die(`cannot read ${line}`));
    }
    const name = /^ {4}"([^"]+)": "\d/.exec(line)?.[1];
    if (name !== undefined) {
      found.set(name, condition);
    }
  }
  return found;
}

/** Where Node.js finds a package from a place in the tree. */
function resolve(packages, from, name) {
  for (let place = from; ; place = place.slice(0, Math.max(0, place.lastIndexOf("node_modules/") - 1))) {
    const path = place === "" ? `node_modules/${name}` : `${place}/node_modules/${name}`;
    if (path in packages) {
      return path;
    }
    if (place === "") {
      return undefined;
    }
  }
}

/** Everything that a root dependency brings along, itself included. `kinds` are the edges that are followed. */
function reached(packages, name, kinds) {
  const seen = new Set();
  const open = [resolve(packages, "", name) ?? die(`${name} is not in the lockfile`)];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (seen.has(path)) {
      continue;
    }
    seen.add(path);
    const entry = packages[path];
    for (const kind of kinds) {
      for (const needed of Object.keys(entry[kind] ?? {})) {
        const optional = kind === "optionalDependencies" || entry.peerDependenciesMeta?.[needed]?.optional === true;
        const found = optional && kind === "peerDependencies" ? undefined : resolve(packages, path, needed);
        if (found !== undefined) {
          open.push(found);
        } else if (!optional) {
          die(`${path} needs ${needed}, which is not in the lockfile`);
        }
      }
    }
  }
  return seen;
}

/** Each package with the condition under which one of some dependencies brings it along. */
function needs(packages, dependencies, under, kinds) {
  const wanted = new Map();
  for (const name of Object.keys(dependencies)) {
    for (const path of reached(packages, name, kinds)) {
      wanted.set(path, (wanted.get(path) ?? new Set()).add(under.get(name)));
    }
  }
  const any = (conditions) => (conditions.has(ALWAYS) ? ALWAYS : [...conditions].toSorted().join(" or "));
  return new Map([...wanted].map(([path, conditions]) => [path, any(conditions)]));
}

const guarded = (condition, text) => (condition === ALWAYS ? text : `<%- if ${condition} %>\n${text}\n<%- endif %>`);

/** JSON as npm writes it, at a depth. */
const json = (value, depth) => JSON.stringify(value, undefined, 2).replaceAll("\n", `\n${" ".repeat(depth)}`);

/** The entries of an object, neighbours with one condition together under it. */
function entries(object, depth, conditionOf, textOf) {
  const names = Object.keys(object);
  // a comma follows every entry but the last, which therefore has to be there always
  if (conditionOf(names.at(-1)) !== ALWAYS) {
    die(`${names.at(-1)} is last in the lockfile, and is not always there`);
  }
  const blocks = [];
  for (const name of names) {
    const comma = name === names.at(-1) ? "" : ",";
    const line = `${" ".repeat(depth)}${JSON.stringify(name)}: ${textOf(name)}${comma}`;
    const last = blocks.at(-1);
    if (last?.condition === conditionOf(name)) {
      last.lines.push(line);
    } else {
      blocks.push({ condition: conditionOf(name), lines: [line] });
    }
  }
  return blocks.map(({ condition, lines }) => guarded(condition, lines.join("\n"))).join("\n");
}

function template(packageTemplate, lock) {
  const under = conditions(packageTemplate);
  const { "": root, ...packages } = lock.packages;
  const all = ["dependencies", "peerDependencies", "optionalDependencies"];
  const both = { ...root.dependencies, ...root.devDependencies };
  const condition = needs(packages, both, under, all);
  // What npm says of a package beside its condition must not depend on what else is there.
  for (const [flag, roots, kinds] of [
    ["dev", root.dependencies, all],
    ["optional", both, all.filter((kind) => kind !== "optionalDependencies")],
    ["peer", both, all.filter((kind) => kind !== "peerDependencies")],
  ]) {
    const plain = needs(packages, roots, under, kinds);
    for (const [path, entry] of Object.entries(packages)) {
      if (plain.get(path) !== (entry[flag] === true ? undefined : condition.get(path))) {
        die(`${path} would be \`${flag}\` in some projects only`);
      }
    }
  }

  const { dependencies, devDependencies, name, version, ...rest } = root;
  const group = (title, object) =>
    `      "${title}": {\n${entries(object, 8, (key) => under.get(key), (key) => JSON.stringify(object[key]))}\n      },`;
  if (name !== NAME || Object.keys(rest).join() !== "engines") {
    die("the root of the lockfile is not as expected");
  }
  return `{
  "name": «name | json»,
  "version": ${JSON.stringify(version)},
  "lockfileVersion": ${lock.lockfileVersion},
  "requires": ${lock.requires},
  "packages": {
    "": {
      "name": «name | json»,
      "version": ${JSON.stringify(version)},
${group("dependencies", dependencies)}
${group("devDependencies", devDependencies)}
      "engines": ${json(rest.engines, 6)}
    },
${entries(packages, 4, (path) => condition.get(path), (path) => json(packages[path], 4))}
  }
}`;
}

const [verb, packagePath, lockPath] = process.argv.slice(2);
const packageTemplate = readFileSync(packagePath, "utf8");
if (verb === "whole") {
  process.stdout.write(whole(packageTemplate));
} else {
  const lock = readFileSync(lockPath, "utf8");
  if (lock.includes('"resolved"')) {
    die("npm wrote addresses into the lockfile: look for a dependency that no registry has");
  }
  process.stdout.write(`${template(packageTemplate, JSON.parse(lock))}\n`);
}
