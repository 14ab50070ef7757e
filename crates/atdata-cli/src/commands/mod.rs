//! One module per command.

#[cfg(feature = "atmosphere")]
mod account;
mod cat;
mod croissant;
mod exchange;
mod head;
mod import;
mod index;
mod label;
mod lens;
mod ls;
mod manual;
mod process;
mod schema;
#[cfg(feature = "serve")]
mod serve;
mod show;
mod stats;
mod verify;

pub(crate) use schema::read_file as read_schema;

use crate::address::Backends;
use crate::args::{Args, Command};
use crate::output::{CliResult, Out};

/// Runs the command that was typed.
pub(crate) async fn run(args: &Args, out: &mut Out) -> CliResult {
    let backends = Backends::new(&args.global);
    let result = dispatch(args, &backends, out).await;
    backends.close().await;
    result
}

async fn dispatch(args: &Args, backends: &Backends, out: &mut Out) -> CliResult {
    match &args.command {
        Command::Import(args) => import::run(args, backends, out).await,
        Command::Ls(args) => ls::run(args, backends, out).await,
        Command::Show(args) => show::run(args, backends, out).await,
        Command::Head(args) => head::run(args, backends, out).await,
        Command::Cat(args) => cat::run(args, backends, out).await,
        Command::Stats(args) => stats::run(args, backends, out).await,
        Command::Croissant(args) => croissant::run(args, backends, out).await,
        Command::Verify(args) => verify::run(args, backends, out).await,
        Command::Index(args) => index::run(args, backends, out).await,
        Command::Process(args) => process::run(args, backends, out).await,
        #[cfg(feature = "serve")]
        Command::Serve(args) => serve::run(args, backends, out).await,
        Command::Migrate(migrate) => exchange::migrate(migrate, &args.global, out).await,
        Command::Backup(options) => exchange::backup(options, &args.global, out).await,
        Command::Sync(sync) => exchange::sync(sync, &args.global, out).await,
        Command::Label(args) => label::run(args, backends, out).await,
        Command::Schema(args) => schema::run(args, backends, out).await,
        Command::Lens(args) => lens::run(args, backends, out).await,
        Command::Completions { shell } => manual::completions(*shell, out),
        Command::Man { directory } => manual::pages(directory, out),
        #[cfg(feature = "atmosphere")]
        Command::Login(args) => account::login(args, backends, out).await,
        #[cfg(feature = "atmosphere")]
        Command::Logout(args) => account::logout(args, backends, out).await,
        #[cfg(feature = "atmosphere")]
        Command::Whoami => account::whoami(backends, out).await,
    }
}
