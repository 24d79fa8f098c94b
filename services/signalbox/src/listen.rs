//! Listening, and ending well: stop accepting, finish what is being answered.

use std::net::SocketAddr;

use anyhow::Context as _;
use axum::Router;
use chassis::Shutdown;
use strum::IntoStaticStr;
use tokio::net::TcpListener;

use crate::settings::Address;

/// Which door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Door {
    /// Webhooks.
    Public,
    /// The API, metrics and health.
    Private,
}

/// An open door.
pub struct Listener {
    door: Door,
    socket: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Takes the address.
    pub async fn bind(door: Door, address: Address) -> anyhow::Result<Self> {
        let name: &'static str = door.into();
        let said = || format!("cannot listen on {address} (listen.{name})");
        let socket = TcpListener::bind(address.0).await.with_context(said)?;
        let address = socket.local_addr().with_context(said)?;
        Ok(Self { door, socket, address })
    }

    /// The address; its port is the real one where port 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until shutdown, then finishes the answers that are begun.
    pub async fn serve(self, router: Router, shutdown: Shutdown) -> anyhow::Result<()> {
        let Self { door, socket, address } = self;
        let name: &'static str = door.into();
        tracing::info!(listener = name, address = %address, "listening");
        axum::serve(socket, router)
            .with_graceful_shutdown(async move { shutdown.triggered().await })
            .await
            .with_context(|| format!("the {name} listener failed"))
    }
}
