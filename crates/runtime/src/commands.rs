//! The commands, one file each.

mod chat;
mod check;
#[cfg(feature = "emulator")]
mod emulator;
mod error;
mod reload;
mod schema;
mod serve;
mod start;

pub(crate) use chat::chat;
pub(crate) use check::check;
#[cfg(feature = "emulator")]
pub(crate) use emulator::emulator;
pub(crate) use error::Error;
pub(crate) use schema::schema;
pub(crate) use serve::serve;
