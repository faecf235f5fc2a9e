//! The hermetic tests: no network, no tools but the binary itself.

#![expect(clippy::disallowed_methods, reason = "tests look at the disk and start the binary")]

/// What a hostile folder tries, and what must come of it.
mod attack;
/// Starting the binary, and looking at folders.
mod world;

/// Numbers of different files that have to agree: pods, memory, quota, connections, seconds.
mod capacity;
/// What is generated, compared whole with the trees under `tests/golden`.
mod golden;
/// Projects that together have every pair of answers.
mod matrix;
/// Who reaches whom, as the policies, the picture and the README's table have it.
mod network;
/// What holds for any answers.
mod properties;
/// Every filter holds every value, and every template uses them.
mod quoting;
/// What is generated, whatever the answers: it parses, it is tidy, it is small enough to read.
mod rendered;

/// `new`: what it writes, prints and says.
mod new;
/// Prompts, typed on a pseudo-terminal.
mod prompts;
/// Wrong input: the exit code, the words, and nothing written.
mod refusals;

/// All or nothing: a failure at every step of the writing.
mod faults;
/// An organisation's folder that means harm.
mod hostile;
/// Organisations whose word contradicts itself, or takes ours over.
mod hostile_policy;
/// The same of a process that is killed, at moments that nobody chose.
mod kills;
/// The worked example of an organisation's folder.
mod organisation;
/// The rules for packs, each with a pack that breaks it.
mod packs;

/// The names that others rely on.
mod interface;
/// The floors of the house, and the size of its rooms.
mod walls;
