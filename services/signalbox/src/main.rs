#![doc = include_str!("../README.md")]

mod check;
mod cli;
mod confirm;
mod demo;
mod doctor;
mod duration;
mod exit;
mod kubernetes;
mod listen;
mod nats;
mod output;
mod query;
#[cfg(test)]
mod reference;
mod run;
mod schedule;
mod secret;
mod serve;
mod services;
mod settings;
mod size;
mod source;
mod store;
mod version;

use std::io;
use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    // One provider of cryptography for all TLS in the process; installing it first means that no library chooses.
    let _ = rustls::crypto::ring::default_provider().install_default();
    exit::report(run::command(cli::Cli::parse()), &mut io::stderr())
}
