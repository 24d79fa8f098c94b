//! A real Alertmanager, if there is one on the PATH, configured as the README says.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use crate::bus_trouble::{self, Trouble};
use crate::wire::serve;

/// Alertmanager starts within a second, waits for `group_wait`, and its first retry comes within seconds.
const PATIENCE: Duration = Duration::from_mins(1);

/// How the distributions call it.
const NAMES: [&str; 2] = ["alertmanager", "prometheus-alertmanager"];

/// What it says, in the folder of the test.
const LOG: &str = "alertmanager.log";

/// The whole configuration; the receiver is what the README shows.
fn configuration(gateway: SocketAddr, token: &Path) -> String {
    let token = token.display();
    format!(
        "route: {{receiver: signalbox, group_wait: 0s, group_interval: 10s}}
receivers:
  - name: signalbox
    webhook_configs:
      - url: http://{gateway}/hooks/alertmanager
        send_resolved: true
        http_config:
          authorization: {{type: Bearer, credentials_file: {token}}}
"
    )
}

/// Starts it in `folder`; `None` when there is none. It ends with the value.
fn start(folder: &Path, address: SocketAddr) -> Option<Child> {
    let log = std::fs::File::create(folder.join(LOG)).unwrap();
    NAMES.iter().find_map(|name| {
        Command::new(name)
            .arg(format!("--config.file={}", folder.join("alertmanager.yml").display()))
            .arg(format!("--storage.path={}", folder.join("alertmanager").display()))
            .arg(format!("--web.listen-address={address}"))
            .args(["--cluster.listen-address=", "--web.external-url=http://alertmanager.example:9093"])
            .stdout(Stdio::null())
            .stderr(log.try_clone().unwrap())
            .kill_on_drop(true)
            .spawn()
            .ok()
    })
}

async fn post_alert(folder: &Path, address: SocketAddr, body: &str) {
    let request = format!(
        "POST /api/v2/alerts HTTP/1.1\r\nHost: alertmanager\r\nContent-Type: application/json\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut tick = tokio::time::interval(Duration::from_millis(50));
    let posted = async {
        loop {
            tick.tick().await;
            let Ok(mut connection) = TcpStream::connect(address).await else {
                continue;
            };
            connection.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            connection.read_to_string(&mut answer).await.unwrap();
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
            return;
        }
    };
    let answered = tokio::time::timeout(PATIENCE, posted).await.is_ok();
    let log = std::fs::read_to_string(folder.join(LOG)).unwrap();
    assert!(answered, "Alertmanager does not answer: {log}");
}

#[tokio::test]
async fn a_real_alertmanager_comes_again_after_503_and_its_alert_is_stored_once() {
    // The bus refuses the first event that it sees.
    let world = bus_trouble::world(Trouble::Nth(1)).await;
    let folder = world.folder.path();
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let configuration = configuration(serve(&world).await, &folder.join("token"));
    std::fs::write(folder.join("alertmanager.yml"), configuration).unwrap();
    let Some(_alertmanager) = start(folder, address) else {
        crate::skipped("there is no Alertmanager on the PATH");
        return;
    };
    let labels =
        r#""labels":{"alertname":"DiskFull","namespace":"shop"},"annotations":{"summary":"It is full."}"#;
    post_alert(folder, address, &format!(r#"[{{{labels},"startsAt":"2026-09-21T13:05:00Z"}}]"#)).await;
    let stored = world.wait_for(1, PATIENCE).await;
    assert_eq!(stored[0].ty(), "io.prometheus.alert.firing.v1");
    assert_eq!(stored[0].source(), "http://alertmanager.example:9093");
    assert!(stored[0].subject().is_some_and(|subject| subject.starts_with("DiskFull/")), "{:?}", stored[0]);
    assert!(
        world.counts(
            r#"signalbox_gateway_requests_total{answer="bus_unavailable",source_kind="alertmanager"} 1"#
        ),
        "{}",
        world.metrics()
    );

    let ended = r#""startsAt":"2026-09-21T13:05:00Z","endsAt":"2026-09-21T13:06:00Z""#;
    post_alert(folder, address, &format!("[{{{labels},{ended}}}]")).await;
    let stored = world.wait_for(2, PATIENCE).await;
    assert_eq!(stored[1].ty(), "io.prometheus.alert.resolved.v1");
    assert_eq!(stored[1].causation_id().as_deref(), Some(stored[0].id()));
}
