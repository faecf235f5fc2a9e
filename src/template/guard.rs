//! Bounds on what an organisation's files may take.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use cpu_time::ProcessTime;
use memory_stats::memory_stats;

use crate::error::{Error, Kind, Result};

/// The processor time that loading and one rendering may take together. Ours take about 10 ms.
pub const PROCESSOR: Duration = Duration::from_millis(600);

/// The time on the clock, for a machine that is busy with other things.
const CLOCK: Duration = Duration::from_secs(30);

/// The memory that the process may come to need on top, in bytes. Ours takes a few million. Small enough to be filled
/// well within the processor time, also where a page fault is dear.
const MEMORY: usize = 64 * 1024 * 1024;

/// How often the bounds are looked at. Memory can be filled at some 10 GB a second.
const INTERVAL: Duration = Duration::from_millis(5);

/// The stack of the work, in bytes, so that expressions and templates that are nested deeply end
/// in a bound and not in a crash.
const STACK: usize = 256 * 1024 * 1024;

/// Does `work` within the bounds, and tells what it left of the processor time `allowed`. Work that
/// exceeds them is left behind: it can write nothing, and ends with the process, which the error is
/// about to end.
///
/// # Errors
/// [`Kind::Template`] if a bound is exceeded; what `work` says.
pub fn bounded<T: Send + 'static>(
    allowed: Duration,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<(T, Duration)> {
    let resident = || memory_stats().map_or(0, |memory| memory.physical_mem);
    let (sender, receiver) = channel();
    let (started, used, before) = (Instant::now(), ProcessTime::now(), resident());
    thread::Builder::new()
        .stack_size(STACK)
        // nobody listens any more once a bound is exceeded
        .spawn(move || drop(sender.send(work())))
        .map_err(|error| Error::new(Kind::Internal, "cannot start a thread").because(error))?;
    loop {
        match receiver.recv_timeout(INTERVAL) {
            Ok(result) => {
                return result.map(|result| (result, allowed.saturating_sub(used.elapsed())));
            }
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Error::template(
                    "the organisation's templates crash the template engine",
                )
                .hint("take out what was last added to them, and try again"));
            }
            Err(RecvTimeoutError::Timeout)
                if used.elapsed() > allowed || started.elapsed() > CLOCK =>
            {
                return Err(Error::template("the organisation's templates take too long").hint(
                    "look for loops inside loops, and for templates that include others many times",
                ));
            }
            Err(RecvTimeoutError::Timeout) if resident().saturating_sub(before) > MEMORY => {
                return Err(Error::template("the organisation's templates take too much memory")
                    .hint("look for texts and lists that are put together in loops"));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}
