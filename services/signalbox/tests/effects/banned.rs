//! A sample of each call that `.clippy.toml` bans because it changes the world.
//!
//! Each is expected to be refused by clippy: a name that clippy does not know, or that is no longer banned, leaves its
//! expectation unfulfilled, and the lints of `tests/run` fail.

use std::fmt;
use std::future::ready;
use std::os::unix::process::CommandExt;
use std::sync::Arc;

use chassis::Intended;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use k8s_openapi::api::core::v1::{Node, Pod, ServiceAccount};
use kube::runtime::{events, finalizer};
use kube::{Api, Client};
use serde_json::Value;

/// Each is named, not called: clippy sees the name.
macro_rules! refused {
    ($($call:expr),* $(,)?) => {
        $(
            #[expect(clippy::disallowed_methods, reason = "a test: the sample that clippy has to refuse")]
            let _ = $call;
        )*
    };
}

/// The file that has the bans, and this one, as text.
pub const BANS: &str = include_str!("../../../../.clippy.toml");
pub const SAMPLES: &str = include_str!("banned.rs");

#[test]
fn clippy_refuses_what_changes_the_world() {
    refused!(
        reqwest::RequestBuilder::send,
        reqwest::Client::execute,
        reqwest::get::<&str>,
        Api::<Pod>::create,
        Api::<Pod>::delete,
        Api::<Pod>::delete_collection,
        Api::<Pod>::patch::<Value>,
        Api::<Pod>::patch_metadata::<Value>,
        Api::<Pod>::replace,
        Api::<Pod>::entry,
        Api::<Pod>::create_subresource::<Value, Value>,
        Api::<Pod>::patch_subresource::<Value>,
        Api::<Pod>::replace_subresource::<Value>,
        Api::<Deployment>::patch_scale::<Value>,
        Api::<Deployment>::replace_scale,
        Api::<Pod>::patch_status::<Value>,
        Api::<Pod>::replace_status,
        Api::<Pod>::patch_ephemeral_containers::<Value>,
        Api::<Pod>::replace_ephemeral_containers,
        Api::<Pod>::patch_resize::<Value>,
        Api::<Pod>::replace_resize,
        Api::<CertificateSigningRequest>::patch_approval::<Value>,
        Api::<Pod>::evict,
        Api::<Deployment>::restart,
        Api::<Node>::cordon,
        Api::<Node>::uncordon,
        Api::<ServiceAccount>::create_token_request,
        Client::send,
        Client::request::<Value>,
        Client::request_text,
        Client::request_stream,
        Client::request_status::<Value>,
        |pods: &Api<Pod>, pod: Arc<Pod>| drop(finalizer(pods, "x", pod, |_| ready(Err(fmt::Error)))),
        events::Recorder::publish,
        std::process::Command::spawn,
        std::process::Command::output,
        std::process::Command::status,
        |command: &mut std::process::Command| drop(CommandExt::exec(command)),
        tokio::process::Command::spawn,
        tokio::process::Command::output,
        tokio::process::Command::status,
        std::net::TcpStream::connect::<&str>,
        std::net::TcpStream::connect_timeout,
        std::net::UdpSocket::send_to::<&str>,
        tokio::net::TcpStream::connect::<&str>,
        tokio::net::UdpSocket::send_to::<&str>,
        Intended::in_a_test,
        Intended::by_a_person,
    );
}
