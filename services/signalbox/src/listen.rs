//! Listening, and ending well: stop accepting, finish what is being answered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::{Extension, Router};
use chassis::Shutdown;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use strum::IntoStaticStr;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::Layer as _;

/// How long the headers of a request may take. An idle connection that is kept alive is closed after it, too. 30 s: more
/// than any sender that means well needs, and short enough that slow ones cannot pile up.
const HEADERS_WITHIN: Duration = Duration::from_secs(30);
/// How many connections are open at once; more wait to be accepted. Far below the usual limit of 1024 file descriptors,
/// which the log and the bus need, too.
const CONNECTIONS: usize = 512;
/// Wait after an accept that failed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

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
        let Self { door, socket: listener, address } = self;
        let name: &'static str = door.into();
        tracing::info!(listener = name, address = %address, "listening");
        let mut server = Builder::new(TokioExecutor::new());
        server.http1().timer(TokioTimer::new()).header_read_timeout(HEADERS_WITHIN);
        let (open, graceful) = (Arc::new(Semaphore::new(CONNECTIONS)), GracefulShutdown::new());
        loop {
            let accepted = tokio::select! {
                () = shutdown.triggered() => break,
                accepted = accept(&listener, &open) => accepted,
            };
            let (stream, peer, place) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, most likely: those that are open must end first.
                    tracing::warn!(listener = name, error = %error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let service = TowerToHyperService::new(Extension(gateway::Peer(peer.ip())).layer(router.clone()));
            let connection = server.serve_connection(TokioIo::new(stream), service).into_owned();
            let connection = graceful.watch(connection);
            tokio::spawn(async move {
                // A sender that broke off is told by the handler; what is left here concerns nobody.
                if let Err(error) = connection.await {
                    tracing::debug!(listener = name, error, "a connection ended early");
                }
                drop(place);
            });
        }
        drop(listener);
        graceful.shutdown().await;
        Ok(())
    }
}

/// The next connection, as soon as there is a place for it.
async fn accept(
    listener: &TcpListener,
    open: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = open.clone().acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    // Answers are small and somebody waits for them.
    stream.set_nodelay(true)?;
    Ok((stream, peer, place))
}
