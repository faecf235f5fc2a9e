//! Progress on what takes longer than a moment.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget};

use super::streams::Ui;

/// How long something may take before its progress is shown.
const MOMENT: Duration = Duration::from_millis(500);

/// A bar that appears on standard error, if that is a terminal, once the work has taken longer
/// than a moment.
pub struct Progress<'a> {
    ui: &'a Ui,
    started: Instant,
    steps: u64,
    total: u64,
    bar: Option<ProgressBar>,
}

impl<'a> Progress<'a> {
    /// Progress over `total` steps.
    pub fn new(ui: &'a Ui, total: usize) -> Self {
        Self { ui, started: Instant::now(), steps: 0, total: total as u64, bar: None }
    }

    /// Counts a step.
    pub fn step(&mut self) {
        self.steps += 1;
        if self.bar.is_none() && self.started.elapsed() > MOMENT && !self.ui.is_quiet() {
            self.bar =
                Some(ProgressBar::with_draw_target(Some(self.total), ProgressDrawTarget::stderr()));
        }
        if let Some(bar) = &self.bar {
            bar.set_position(self.steps.min(self.total));
        }
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
