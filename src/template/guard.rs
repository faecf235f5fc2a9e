//! A bound on what an organisation's templates may take.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use cpu_time::ProcessTime;

use crate::error::{Error, Kind, Result};

/// The processor time that loading or rendering may take. Ours takes about 10 ms.
const PROCESSOR: Duration = Duration::from_millis(600);

/// The time on the clock, for a machine that is busy with other things.
const CLOCK: Duration = Duration::from_secs(30);

/// How often the bounds are looked at.
const INTERVAL: Duration = Duration::from_millis(20);

/// The stack of the work, in bytes, so that templates that include each other deeply end in a
/// bound and not in a crash.
const STACK: usize = 256 * 1024 * 1024;

/// Does `work` within the bounds. Work that exceeds them is left behind: it can write nothing, and
/// ends with the process, which the error is about to end.
///
/// # Errors
/// [`Kind::Template`] if a bound is exceeded; what `work` says.
pub fn bounded<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let (sender, receiver) = channel();
    let (started, used) = (Instant::now(), ProcessTime::now());
    thread::Builder::new()
        .stack_size(STACK)
        // nobody listens any more once a bound is exceeded
        .spawn(move || drop(sender.send(work())))
        .map_err(|error| Error::new(Kind::Internal, "cannot start a thread").because(error))?;
    loop {
        match receiver.recv_timeout(INTERVAL) {
            Ok(result) => return result,
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Error::template(
                    "the organisation's templates crash the template engine",
                )
                .hint("take out what was last added to them, and try again"));
            }
            Err(RecvTimeoutError::Timeout)
                if used.elapsed() > PROCESSOR || started.elapsed() > CLOCK =>
            {
                return Err(Error::template("the organisation's templates take too long").hint(
                    "look for loops inside loops, and for templates that include others many times",
                ));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}
