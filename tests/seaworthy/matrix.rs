use std::collections::BTreeSet;
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

/// For every preset, projects that together have every pair of values of any two questions. Pairs
/// that contradict each other are left out.
pub static MATRIX: LazyLock<Vec<Made>> = LazyLock::new(|| {
    let shelves = Shelves::open(None).expect("the built-in shelf");
    let set = TemplateSet::load(&shelves).expect("sound packs");
    let presets = shelves.preset_names().into_iter().map(|name| shelves.preset(name).unwrap());
    presets.flat_map(|preset| Pairs::new(&set, &preset.name, preset.layer()).projects()).collect()
});

/// Texts that mean something where they are put.
const TEXTS: [&str; 4] = [
    "it's \"quoted\": {{ x }} ${y} #1 <b> & \\n % @ ! | * [a](b)",
    "- null",
    "r\u{e9}gistre \u{2013} \u{4ee3}\u{7406} \u{1f6a2}",
    "localhost:5000/a/b-c",
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
        Type::Text => TEXTS.map(text).into_iter().chain([text(&longest)]).collect(),
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
    preset: &'s str,
    layer: Layer,
    values: Vec<Vec<Value>>,
    /// The pairs that no project has yet, each in the order of the questions.
    open: BTreeSet<(Setting, Setting)>,
}

impl<'s> Pairs<'s> {
    fn new(set: &'s TemplateSet, preset: &'s str, layer: Layer) -> Self {
        let values: Vec<Vec<Value>> = set.questions().iter().map(values).collect();
        let settings =
            |question: usize| (0..values[question].len()).map(move |value| (question, value));
        let mut open = BTreeSet::new();
        for one in (0..values.len()).flat_map(settings) {
            open.extend((one.0 + 1..values.len()).flat_map(settings).map(|other| (one, other)));
        }
        Self { set, preset, layer, values, open }
    }

    /// Makes a project for the first open pair, with as many others as fit, until none is open.
    fn projects(mut self) -> Vec<Made> {
        let mut projects = Vec::new();
        while let Some((one, other)) = self.open.pop_first() {
            let mut settings = self.fill(vec![one, other]);
            if let Some((answers, tree)) = self.render_most(&mut settings) {
                self.close(&answers);
                projects.push(Made { words: self.words(&settings), answers, tree });
            }
        }
        projects
    }

    /// Adds to some settings one for each other question: that which closes most pairs.
    fn fill(&self, mut settings: Vec<Setting>) -> Vec<Setting> {
        for (question, values) in self.values.iter().enumerate() {
            if settings.iter().any(|(taken, _)| *taken == question) {
                continue;
            }
            let closes = |value: &usize| {
                let pair = |other: &&Setting| {
                    let (a, b) = ((question, *value), **other);
                    self.open.contains(&(a.min(b), a.max(b)))
                };
                settings.iter().filter(pair).count()
            };
            settings.extend((0..values.len()).max_by_key(closes).map(|value| (question, value)));
        }
        settings
    }

    /// The project of these settings, but for those that contradict others before them; none if
    /// the first two contradict each other.
    fn render_most(&self, settings: &mut Vec<Setting>) -> Option<(Answers, Tree)> {
        loop {
            if let Some(made) = self.render(settings) {
                return Some(made);
            }
            // a refusal costs little, a project much: so the search begins where it is refused
            let refused = |end: &usize| self.render(&settings[..*end]).is_none();
            let end =
                (2..settings.len()).rev().take_while(refused).last().unwrap_or(settings.len());
            if end == 2 {
                return None;
            }
            settings.remove(end - 1);
        }
    }

    /// The project, unless its answers contradict each other.
    fn render(&self, settings: &[Setting]) -> Option<(Answers, Tree)> {
        match self.try_to_render(settings) {
            Ok(made) => Some(made),
            Err(error) if error.kind() == Kind::Usage => None,
            Err(error) => panic!("{}: {error}", self.words(settings)),
        }
    }

    fn try_to_render(&self, settings: &[Setting]) -> Result<(Answers, Tree)> {
        // what was answered at a prompt may turn out not to apply
        let entry = |(question, value): &Setting| Entry {
            key: self.set.questions()[*question].key.clone(),
            given: Given::Value(self.values[*question][*value].clone()),
            source: Source::Prompt,
            place: "the matrix".into(),
        };
        let entries = settings.iter().map(entry).collect();
        let layers = [
            Layer::implied_name("demo", "the matrix"),
            self.layer.clone(),
            Layer { strength: Strength::Prompt, entries },
        ];
        let answers = Answers::resolve(self.set.questions(), &layers, &Policy::default())?;
        let mut made = self.set.render(&answers)?;
        Lock::new(Some(self.preset.into()), None, made.packs, &answers)
            .seal(&mut made.tree, &made.lockfiles)?;
        Ok((answers, made.tree))
    }

    /// Closes the pairs that a project has.
    fn close(&mut self, answers: &Answers) {
        let (questions, values) = (self.set.questions(), &self.values);
        let has = |(question, value): Setting| {
            answers.get(&questions[question].key) == Some(&values[question][value])
        };
        self.open.retain(|(one, other)| !(has(*one) && has(*other)));
    }

    fn words(&self, settings: &[Setting]) -> String {
        let word = |(question, value): &Setting| {
            format!("{}={}", self.set.questions()[*question].key, self.values[*question][*value])
        };
        let words: Vec<String> = settings.iter().map(word).collect();
        format!("{} {}", self.preset, words.join(", "))
    }
}
