//! Generates hardened AI-agent projects. A project is a value, a [`tree::Tree`]:
//!
//! ```text
//! layers --resolve--> Answers --bind--> Context --render--> Tree --between--> Plan --apply--> disk
//! ```
//!
//! The modules stand in the order of their floors: none uses one below its own line.

pub mod error;
pub mod tree;

pub mod answer;

pub mod audit;
pub mod project;

pub mod template;

pub mod ui;

pub mod cli;
