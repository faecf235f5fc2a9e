use std::collections::BTreeMap;

use crate::world::World;

/// The run that the folder `acme` is laid over.
pub const NEW: &str = "new demo --org acme --yes";
/// The declaration of a pack.
pub const PACK: &str = "title = \"Extra\"\nsummary = \"More.\"\norder = 900\n";
/// A template of that pack.
pub const NOTES: &str = "templates/extra/files/NOTES.md.tera";

/// What an organisation's folder tries, and what must come of it.
pub struct Attack {
    pub name: &'static str,
    /// The folder's files, by their paths in it.
    pub files: BTreeMap<String, String>,
    /// Makes what is no file of text.
    pub plant: fn(&World),
    pub arguments: &'static str,
    pub code: i32,
    pub words: &'static str,
}

impl Attack {
    /// A sound folder: a name and a pack without files.
    pub fn new(name: &'static str, code: i32, words: &'static str) -> Self {
        let files =
            [("organisation.toml", "name = \"acme\"\n"), ("templates/extra/pack.toml", PACK)];
        let files = files.map(|(path, text)| (path.into(), text.into())).into();
        Self { name, files, plant: |_| {}, arguments: NEW, code, words }
    }

    pub fn with(mut self, path: impl Into<String>, text: impl Into<String>) -> Self {
        self.files.insert(path.into(), text.into());
        self
    }

    /// Adds to the pack's declaration.
    pub fn declaring(self, text: impl AsRef<str>) -> Self {
        self.with("templates/extra/pack.toml", format!("{PACK}{}", text.as_ref()))
    }

    /// Adds to `organisation.toml`.
    pub fn ruling(self, text: impl AsRef<str>) -> Self {
        self.with("organisation.toml", format!("name = \"acme\"\n{}", text.as_ref()))
    }

    pub fn planting(self, plant: fn(&World)) -> Self {
        Self { plant, ..self }
    }

    pub fn running(self, arguments: &'static str) -> Self {
        Self { arguments, ..self }
    }

    /// Runs the attack; says what went wrong, if anything.
    fn fault(&self) -> Option<String> {
        let world = World::new();
        self.files.iter().for_each(|(path, text)| world.write(&format!("acme/{path}"), text));
        (self.plant)(&world);
        let before = world.snapshot();
        let outcome = world.run_within_a_second(self.arguments);
        let said = outcome.stderr.split("\n  hint: ").next().unwrap_or_default();
        let sound = outcome.code == self.code
            && said.starts_with("error: ")
            && said.contains(self.words)
            && outcome.stdout.is_empty()
            && world.snapshot() == before;
        (!sound).then(|| {
            let written =
                if world.snapshot() == before { "" } else { ", and something is written" };
            format!("{}: exit code {}{written}: {}", self.name, outcome.code, outcome.stderr)
        })
    }
}

#[track_caller]
pub fn all_are_refused(attacks: impl IntoIterator<Item = Attack>) {
    let faults: Vec<String> = attacks.into_iter().filter_map(|attack| attack.fault()).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
