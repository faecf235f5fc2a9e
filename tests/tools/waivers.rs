//! What checkers find and we accept.

use crate::finding::Finding;

/// A rule of a checker that what is generated breaks.
pub struct Waiver {
    /// The checker.
    pub tool: &'static str,
    /// Its rule.
    pub rule: &'static str,
    /// Whether naming images by digest does away with it.
    pub until_pinned: bool,
    /// Why we accept it.
    pub reason: &'static str,
}

/// All of them. One that nothing needs any more fails the test.
pub const WAIVERS: &[Waiver] = &[
    Waiver {
        tool: "checkov",
        rule: "CKV_K8S_43",
        until_pinned: true,
        reason: "no digest of an image is known before it is pushed",
    },
    Waiver {
        tool: "trivy",
        rule: "KSV-0125",
        until_pinned: false,
        reason: "it trusts the registries of three clouds alone; the project's is an answer",
    },
    Waiver {
        tool: "trivy",
        rule: "KSV-01010",
        until_pinned: false,
        reason: "it takes any number of three digits, such as a port, for that of a passport",
    },
];

impl Waiver {
    /// Whether it is for what a checker found.
    pub fn covers(&self, tool: &str, finding: &Finding) -> bool {
        self.tool == tool && self.rule == finding.rule
    }
}
