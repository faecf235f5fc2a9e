//! Who found how much where.

use std::path::{Path, PathBuf};

use crate::finding::{Checker, Finding};
use crate::parallel;
use crate::waivers::Waiver;

/// What some checkers found in some subjects.
pub struct Table {
    subjects: Vec<String>,
    checkers: &'static [Checker],
    /// Of a checker and a subject, by number.
    findings: Vec<(usize, usize, Finding)>,
}

impl Table {
    /// Of subjects that are folders: each checker looks at each by itself.
    pub fn of_folders(checkers: &'static [Checker], folders: &[(String, PathBuf)]) -> Self {
        let jobs: Vec<_> = (0..checkers.len())
            .flat_map(|checker| (0..folders.len()).map(move |subject| (checker, subject)))
            .collect();
        let found = parallel::each(&jobs, |(checker, subject)| {
            let found = (checkers[*checker].check)(&folders[*subject].1).into_iter();
            found.map(|finding| (*checker, *subject, finding)).collect::<Vec<_>>()
        });
        let subjects = folders.iter().map(|(name, _)| name.clone()).collect();
        Self { subjects, checkers, findings: found.into_iter().flatten().collect() }
    }

    /// Of subjects that are files of one folder: each checker looks at all of them at once.
    pub fn of_files(checkers: &'static [Checker], folder: &Path, files: &[String]) -> Self {
        let jobs: Vec<_> = (0..checkers.len()).collect();
        let found = parallel::each(&jobs, |checker| {
            let found = (checkers[*checker].check)(folder).into_iter();
            let with_subject = |finding: Finding| {
                let subject = files.iter().position(|file| *file == finding.file);
                (
                    *checker,
                    subject.unwrap_or_else(|| panic!("in no known file: {finding}")),
                    finding,
                )
            };
            found.map(with_subject).collect::<Vec<_>>()
        });
        let subjects = files.to_vec();
        Self { subjects, checkers, findings: found.into_iter().flatten().collect() }
    }

    /// What was found and is not waived, in words.
    pub fn faults(&self, waivers: &[&Waiver]) -> Vec<String> {
        let open = self.findings.iter().filter(|found| !self.is_waived(found, waivers));
        let words = |(checker, subject, finding): &(usize, usize, Finding)| {
            let subject = match &self.subjects[*subject] {
                file if *file == finding.file => String::new(),
                project => format!(" in {project}"),
            };
            format!("{}{subject}: {finding}", self.checkers[*checker].name)
        };
        open.map(words).collect()
    }

    /// Whether anything that was found needs a waiver.
    pub fn needs(&self, waiver: &Waiver) -> bool {
        let covers = |(checker, _, finding): &(usize, usize, Finding)| {
            waiver.covers(self.checkers[*checker].name, finding)
        };
        self.findings.iter().any(covers)
    }

    fn is_waived(&self, found: &(usize, usize, Finding), waivers: &[&Waiver]) -> bool {
        waivers.iter().any(|waiver| waiver.covers(self.checkers[found.0].name, &found.2))
    }

    /// How many findings of a checker in a subject are open, and how many are waived.
    fn count(&self, checker: usize, subject: usize, waivers: &[&Waiver]) -> (usize, usize) {
        let here = self.findings.iter().filter(|found| (found.0, found.1) == (checker, subject));
        let (waived, open): (Vec<_>, Vec<_>) =
            here.partition(|found| self.is_waived(found, waivers));
        (open.len(), waived.len())
    }

    /// Counts, with what is waived in brackets.
    pub fn show(&self, waivers: &[&Waiver]) -> String {
        let first = self.subjects.iter().map(String::len).max().unwrap_or(0);
        let mut lines = vec![format!("{:first$}", "")];
        lines.extend(self.subjects.iter().map(|name| format!("{name:first$}")));
        for (checker, of) in self.checkers.iter().enumerate() {
            let width = of.name.len().max(8);
            lines[0] += &format!("  {:>width$}", of.name);
            for (subject, line) in lines[1..].iter_mut().enumerate() {
                let cell = match self.count(checker, subject, waivers) {
                    (open, 0) => open.to_string(),
                    (open, waived) => format!("{open} ({waived})"),
                };
                *line += &format!("  {cell:>width$}");
            }
        }
        lines.join("\n") + "\n"
    }
}
