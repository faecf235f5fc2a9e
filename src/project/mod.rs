//! From tree to disk.

mod apply;
mod disk;
mod git;
mod lock;
mod plan;

pub use apply::{Step, Watch, apply, recover_target};
pub use disk::{absolute, kind_of, read, read_folder};
pub use git::commit_all;
pub use lock::{BASE, LOCK, Lock};
pub use plan::{Action, Change, Plan};
