use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use seaworthy::answer::{
    Answers, Entry, Given, Layer, Policy, Question, Source, Strength, Type, Value,
};
use seaworthy::error::{Kind, Result};
use seaworthy::project::Lock;
use seaworthy::template::{Shelves, TemplateSet};
use seaworthy::tree::Tree;

/// A project of the matrix.
pub struct Made {
    /// What was asked for.
    pub words: String,
    /// What came of it.
    pub answers: Answers,
    pub tree: Tree,
}

/// Projects of all presets, in turn, that together have every pair of values of any two questions,
/// but for two that are both texts: nothing branches on those. Pairs that contradict each other are
/// left out.
pub static MATRIX: LazyLock<Vec<Made>> = LazyLock::new(|| {
    let shelves = Shelves::open(None).expect("the built-in shelf");
    let set = TemplateSet::load(&shelves).expect("sound packs");
    let presets = shelves.preset_names().into_iter().map(|name| shelves.preset(name).unwrap());
    let presets = presets.map(|preset| (preset.name.clone(), preset.layer())).collect();
    Pairs::new(&set, presets).projects()
});

/// Texts that mean something where they are put: three for questions that take anything, and such as others take.
const TEXTS: [&str; 7] = [
    "it's \"quoted\": {{ x }} ${y} #1 <b> & \\n % @ ! | * [a](b)",
    "- null",
    "r\u{e9}gistre \u{2013} \u{4ee3}\u{7406} \u{1f6a2}",
    "localhost:5000/a/b-c",
    "https://models.example.com:8443/v1",
    "http://gateway.models.svc.cluster.local/v1",
    "server.example.com:7000",
];

/// Values of one question that differ in what comes of them.
fn values(question: &Question) -> Vec<Value> {
    let text = |text: &str| Value::Text(text.to_owned());
    let list = |items: &[&str]| Value::List(items.iter().map(|item| (*item).to_owned()).collect());
    let number = |number: f64| match question.kind {
        Type::Decimal => Value::Decimal(number),
        _ => Value::Int(number as i64),
    };
    let longest = "x".repeat(question.max_length.unwrap_or(63));
    let choices: Vec<&str> = question.choice_values().collect();
    let mut values = match question.kind {
        Type::Bool => vec![Value::Bool(false), Value::Bool(true)],
        Type::Choice => choices.iter().map(|choice| text(choice)).collect(),
        Type::Int | Type::Decimal => {
            question.min.into_iter().chain(question.max).map(number).collect()
        }
        Type::Quantity => ["1", "750m", "2Gi"].map(text).to_vec(),
        Type::Label => vec![text("on"), text(&longest)],
        Type::Text if question.pattern.is_none() => {
            TEXTS[..3].iter().map(|one| text(one)).chain([text(&longest)]).collect()
        }
        // what a refusal shows as an example is taken, and is tried
        Type::Text => {
            let words = question.expected.as_deref().unwrap_or_default();
            let examples = words.split('`').skip(1).step_by(2).filter(|word| word.len() > 3);
            let own: Vec<&str> = examples.collect();
            let others = TEXTS[3..].iter().copied().filter(|_| own.len() < 2);
            own.iter().copied().chain(others).chain([longest.as_str()]).map(text).collect()
        }
        Type::Cidrs => vec![list(&[]), list(&["35.191.0.0/16", "2001:db8::/32"])],
        Type::List if choices.is_empty() => {
            vec![list(&["null"]), list(&["dev", "qa", "production", &longest])]
        }
        Type::List => {
            let single = choices.iter().map(|choice| list(&[choice]));
            single.chain([list(&[]), list(&choices)]).collect()
        }
    };
    values.extend(question.default.clone());
    values.retain(|value| question.accept(value.clone()).is_ok());
    values
}

/// One value of one question, both by number.
type Setting = (usize, usize);

struct Pairs<'s> {
    set: &'s TemplateSet,
    presets: Vec<(String, Layer)>,
    values: Vec<Vec<Value>>,
    /// What each value needs beside it, such as a provider's URL.
    needs: BTreeMap<Setting, Vec<Setting>>,
    /// The pairs that no project has yet, each in the order of the questions.
    open: BTreeSet<(Setting, Setting)>,
}

/// The most settings that a value may need beside it.
const MOST_NEEDS: usize = 3;

impl<'s> Pairs<'s> {
    fn new(set: &'s TemplateSet, presets: Vec<(String, Layer)>) -> Self {
        let values: Vec<Vec<Value>> = set.questions().iter().map(values).collect();
        let mut pairs =
            Self { set, presets, values, needs: BTreeMap::new(), open: BTreeSet::new() };
        let all: Vec<Setting> = (0..pairs.values.len())
            .flat_map(|question| {
                (0..pairs.values[question].len()).map(move |value| (question, value))
            })
            .collect();
        pairs.needs =
            all.iter().filter_map(|one| Some((*one, pairs.needs_of(*one, &all)?))).collect();
        let sound: Vec<Setting> = pairs.needs.keys().copied().collect();
        for one in &sound {
            let is_text = |one: &Setting| set.questions()[one.0].kind == Type::Text;
            let others = sound.iter().filter(|other| other.0 > one.0);
            let others = others.filter(|other| !(is_text(one) && is_text(other)));
            pairs.open.extend(others.map(|other| (*one, *other)));
        }
        pairs
    }

    /// What a setting needs beside it to stand; none if nothing helps.
    fn needs_of(&self, one: Setting, all: &[Setting]) -> Option<Vec<Setting>> {
        let mut settings = vec![one];
        loop {
            let refusal = match self.settle(None, &settings) {
                Ok(answers) if self.stands(one, &answers) => return Some(settings.split_off(1)),
                Ok(_) => String::new(),
                Err(error) => error.to_string(),
            };
            if settings.len() > MOST_NEEDS {
                return None;
            }
            // what makes it stand, or at least leads to another refusal
            let free = |other: &&Setting| settings.iter().all(|taken| taken.0 != other.0);
            let with = |other: &Setting| {
                let more: Vec<Setting> = settings.iter().chain([other]).copied().collect();
                self.settle(None, &more)
            };
            let mends =
                |other: &&Setting| with(other).is_ok_and(|answers| self.stands(one, &answers));
            let moves =
                |other: &&Setting| with(other).is_err_and(|error| error.to_string() != refusal);
            let others = || all.iter().filter(free);
            // a refusal names the questions that it is about
            let named = |other: &&Setting| {
                refusal.contains(&format!("`{}`", self.set.questions()[other.0].key))
            };
            let next = others()
                .find(mends)
                .or_else(|| others().filter(named).find(moves))
                .or_else(|| others().find(moves))?;
            settings.push(*next);
        }
    }

    /// Makes a project for the first open pair, with as many others as fit, until none is open.
    fn projects(mut self) -> Vec<Made> {
        let mut projects: Vec<Made> = Vec::new();
        while let Some((one, other)) = self.open.pop_first() {
            let count = self.presets.len();
            let turns = (projects.len()..projects.len() + count).map(|turn| turn % count);
            let made = turns.into_iter().find_map(|preset| self.project(preset, one, other));
            if let Some(made) = made {
                self.close(&made.answers);
                projects.push(made);
            }
        }
        projects
    }

    /// The project of a preset with a pair, and with a value for each other question where one goes
    /// with those before it.
    fn project(&self, preset: usize, one: Setting, other: Setting) -> Option<Made> {
        let preset = &self.presets[preset];
        let mut settings = Vec::new();
        self.add(&mut settings, one);
        self.add(&mut settings, other);
        let mut answers = self.settle(Some(preset), &settings).ok()?;
        for question in 0..self.values.len() {
            if let Some(filled) = self.fill(preset, question, &mut settings) {
                answers = filled;
            }
        }
        let tree = self.make(&preset.0, &answers);
        Some(Made { words: self.words(&preset.0, &settings), answers, tree })
    }

    /// Adds a setting and what it needs, where that is open yet.
    fn add(&self, settings: &mut Vec<Setting>, one: Setting) {
        for setting in [one].iter().chain(&self.needs[&one]) {
            if settings.iter().all(|(taken, _)| *taken != setting.0) {
                settings.push(*setting);
            }
        }
    }

    /// Adds to some settings that value of a question which closes most pairs, of those that stand
    /// beside the others; what the answers then are.
    fn fill(
        &self,
        preset: &(String, Layer),
        question: usize,
        settings: &mut Vec<Setting>,
    ) -> Option<Answers> {
        if settings.iter().any(|(taken, _)| *taken == question) {
            return None;
        }
        let closes = |one: Setting| {
            let pair = |other: &&Setting| self.open.contains(&(one.min(**other), one.max(**other)));
            settings.iter().filter(pair).count()
        };
        let values = self.needs.keys().filter(|(of, _)| *of == question);
        let mut values: Vec<(usize, Setting)> =
            values.map(|one| (closes(*one), *one)).filter(|(count, _)| *count > 0).collect();
        values.sort_by_key(|(count, _)| Reverse(*count));
        values.into_iter().find_map(|(_, one)| {
            let mut more = settings.clone();
            self.add(&mut more, one);
            let answers = self.resolve(Some(preset), &more).ok()?;
            if !self.stands(one, &answers) {
                return None;
            }
            let answers = self.settle(Some(preset), &more).ok()?;
            *settings = more;
            Some(answers)
        })
    }

    /// The answers that some settings over a preset come to, unless they contradict each other.
    fn settle(&self, preset: Option<&(String, Layer)>, settings: &[Setting]) -> Result<Answers> {
        let answers = self.resolve(preset, settings)?;
        match self.set.agree(&answers) {
            Err(error) if error.kind() != Kind::Usage => panic!("{settings:?}: {error}"),
            agreed => agreed.map(|()| answers),
        }
    }

    /// The same, whether or not they agree, which takes longer to tell.
    fn resolve(&self, preset: Option<&(String, Layer)>, settings: &[Setting]) -> Result<Answers> {
        // what was answered at a prompt may turn out not to apply
        let entry = |(question, value): &Setting| Entry {
            key: self.set.questions()[*question].key.clone(),
            given: Given::Value(self.values[*question][*value].clone()),
            source: Source::Prompt,
            place: "the matrix".into(),
        };
        let entries = settings.iter().map(entry).collect();
        let mut layers = vec![
            Layer::implied_name("demo", "the matrix"),
            Layer { strength: Strength::Prompt, entries },
        ];
        layers.extend(preset.map(|(_, layer)| layer.clone()));
        Answers::resolve(self.set.questions(), &layers, &Policy::default())
    }

    fn make(&self, preset: &str, answers: &Answers) -> Tree {
        let mut made = self.set.render(answers).expect("answers that agree");
        let lock = Lock::new(Some(preset.to_owned()), None, made.packs, answers);
        lock.seal(&mut made.tree, &made.lockfiles).expect("room for the lock");
        made.tree
    }

    /// Whether a setting applies, and is not overruled.
    fn stands(&self, (question, value): Setting, answers: &Answers) -> bool {
        answers.get(&self.set.questions()[question].key) == Some(&self.values[question][value])
    }

    /// Closes the pairs that a project has.
    fn close(&mut self, answers: &Answers) {
        let (questions, values) = (self.set.questions(), &self.values);
        let has = |(question, value): Setting| {
            answers.get(&questions[question].key) == Some(&values[question][value])
        };
        self.open.retain(|(one, other)| !(has(*one) && has(*other)));
    }

    fn words(&self, preset: &str, settings: &[Setting]) -> String {
        let word = |(question, value): &Setting| {
            format!("{}={}", self.set.questions()[*question].key, self.values[*question][*value])
        };
        let words: Vec<String> = settings.iter().map(word).collect();
        format!("{preset} {}", words.join(", "))
    }
}
