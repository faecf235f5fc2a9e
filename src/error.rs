//! What can go wrong, in the words of the user's world.

use std::fmt;

/// The kinds of failure. Each has one exit code, which pipelines rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A defect of seaworthy itself.
    Internal,
    /// The disk refused: no space, no permission.
    Disk,
    /// A bad value, an unknown name, a malformed or missing file, a target in the way.
    Usage,
    /// A template that is unsafe or cannot be rendered.
    Template,
    /// A control that is not kept.
    Control,
    /// Refused by an organisation's policy.
    Policy,
    /// Stopped by the user.
    Interrupted,
}

impl Kind {
    /// The process's exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Kind::Internal | Kind::Disk => 1,
            Kind::Usage => 2,
            Kind::Template => 4,
            Kind::Control => 5,
            Kind::Policy => 6,
            Kind::Interrupted => 130,
        }
    }
}

/// An error: one sentence, and what to do next.
///
/// Messages are lowercase, names stand in ticks, and no period ends them.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    message: String,
    hints: Vec<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The result of everything that can fail.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error of `kind` that says `message`.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hints: Vec::new(), source: None }
    }

    /// A mistake in what the user gave.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// A template that is unsafe or cannot be rendered.
    pub fn template(message: impl Into<String>) -> Self {
        Self::new(Kind::Template, message)
    }

    /// The user stopped the run.
    pub fn interrupted() -> Self {
        Self::new(Kind::Interrupted, "interrupted, nothing was written")
    }

    /// The user decided against it.
    pub fn cancelled() -> Self {
        Self::new(Kind::Interrupted, "cancelled, nothing was written")
    }

    /// Adds a next step.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds a next step if there is one.
    pub fn hint_if(self, hint: Option<String>) -> Self {
        match hint {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }

    /// Keeps the cause.
    pub fn because(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The next steps.
    pub fn hints(&self) -> &[String] {
        &self.hints
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source.as_ref() as _)
    }
}
