//! An upstream that says what it was told to, over a way on which everything can go wrong.

use std::io;
use std::ops::Deref;

use bedrock_emulator::{Config, Emulator};

use crate::proxy::Proxy;

/// The emulator behind a [`Proxy`]. What it says is scripted with the emulator's own methods, what becomes of it with
/// those of `proxy`.
#[derive(Debug)]
pub struct Upstream {
    emulator: Emulator,
    /// The only way that leads there.
    pub proxy: Proxy,
}

impl Upstream {
    /// Starts both on free ports of this machine.
    ///
    /// # Errors
    ///
    /// Where no port can be opened.
    pub async fn start() -> io::Result<Self> {
        Self::of(Config::default()).await
    }

    /// The same, with an emulator that knows more keys, or other ones.
    ///
    /// # Errors
    ///
    /// Where no port can be opened.
    pub async fn of(config: Config) -> io::Result<Self> {
        let emulator = Emulator::start(config).await?;
        let proxy = Proxy::start(emulator.address()).await?;
        Ok(Self { emulator, proxy })
    }

    /// The same, with a way that is `reserved` but not open yet, such as [`Proxy::closed`].
    ///
    /// # Errors
    ///
    /// Where no port can be opened.
    pub async fn behind(
        reserved: impl AsyncFnOnce(std::net::SocketAddr) -> io::Result<Proxy>,
    ) -> io::Result<Self> {
        let emulator = Emulator::start(Config::default()).await?;
        let proxy = reserved(emulator.address()).await?;
        Ok(Self { emulator, proxy })
    }

    /// Where a gateway reaches it.
    pub fn url(&self) -> String {
        format!("http://{}", self.proxy.address())
    }
}

impl Deref for Upstream {
    type Target = Emulator;

    fn deref(&self) -> &Emulator {
        &self.emulator
    }
}
